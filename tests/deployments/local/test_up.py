"""`syncline up` itself, as a user starts it: who gets in, what it leaves, and what becomes of a child that dies."""

import os
import re
import shutil
import signal
import stat
import subprocess
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from support.instance import eventually
from support.up import SYNCLINE, Up, running_up

pytestmark = pytest.mark.slow

ATTACK = """
async ({urls, sockets, posts}) => {
    const done = [];
    for (const url of urls)
        for (const post of posts)
            for (const mode of ["cors", "no-cors"])
                for (const type of ["application/json", "text/plain", null])
                    for (const credentials of ["include", "omit"]) {
                        const headers = type ? {"content-type": type} : {};
                        const options = {method: post.method, mode, headers, credentials, body: post.body};
                        try {
                            const answer = await fetch(url + post.path, options);
                            done.push([post.method, url, mode, answer.type, answer.status]);
                        } catch (error) { done.push([post.method, url, mode, "refused", 0]); }
                    }
    for (const url of sockets)
        done.push(["SOCKET", url, "", await new Promise((resolve) => {
            const socket = new WebSocket(url, ["prefect"]);
            socket.onopen = () => resolve("opened");
            socket.onerror = socket.onclose = () => resolve("refused");
        }), 0]);
    return done;
}
"""
FORM = """
({url}) => {
    const form = document.createElement("form");
    form.method = "POST"; form.enctype = "text/plain"; form.action = url;
    const field = document.createElement("input");
    field.name = '{"state": {"type": "SCHEDULED"}, "x": "'; field.value = '"}';
    form.append(field); document.body.append(form); form.submit();
}
"""
CHILDREN = {"web": "web", "sandbox": "sandbox", "runner": "deployments", "prefect": "deployments.local.prefect_server"}
"""The module that each child runs."""


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Generator[Up]:
    with running_up(tmp_path_factory.mktemp("up")) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """The system's Chromium, for which `evil.test` is this machine."""
    path = shutil.which("chromium")
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("chromium is not installed; CI must try the attack")
    rules = "--host-resolver-rules=MAP evil.test 127.0.0.1,MAP evil.web.test 127.0.0.2"
    flags = ["--no-sandbox", rules, "--no-proxy-server", "--disable-gpu"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=flags)
        yield started
        started.close()


class _Page(BaseHTTPRequestHandler):
    """Serves an empty page, and takes whatever is posted to it from anywhere, as a server without a guard does."""

    taken: list[str] = []  # noqa: RUF012 - shared by all requests on purpose

    def do_GET(self) -> None:
        self._answer(b"<!doctype html><title>evil</title><body></body>")

    def do_POST(self) -> None:
        self.taken.append(self.path)
        self._answer(b"{}")

    def do_OPTIONS(self) -> None:
        self._answer(b"")

    do_PATCH = do_POST  # noqa: N815 - the base's way to name it

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        for name in ("Origin", "Methods", "Headers"):
            self.send_header(f"Access-Control-Allow-{name}", "*")
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


@pytest.fixture
def evil_port() -> Generator[int]:
    """The port of a server of pages that anybody may have made."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


KEPT = ("id", "pull_steps", "parameters", "paused", "tags", "description", "entrypoint")  # an attacker would change it


def _deployment(up: Up, full_name: str) -> dict[str, Any]:
    """A deployment as it stands; the runner may still be about to register it."""

    def look() -> dict[str, Any] | None:
        answer = up.ask("GET", f"/deployments/name/{full_name}")
        return {name: answer.json()[name] for name in KEPT} if answer.is_success else None

    return eventually(look, f"deployment {full_name}")


def _runs(up: Up, deployment: str) -> int:
    wanted = {"deployments": {"id": {"any_": [deployment]}}}
    return int(up.ask("POST", "/flow_runs/count", wanted).raise_for_status().text)


def _new_page(browser: Browser) -> Page:
    """A page that waits as long as a busy machine needs, and moves nothing: each frame is drawn by the CPU."""
    page = browser.new_page(reduced_motion="reduce", viewport={"width": 800, "height": 600})
    page.set_default_timeout(300_000)
    return page


def test_a_page_of_another_origin_changes_and_starts_nothing(up: Up, browser: Browser, evil_port: int) -> None:
    """A visit to any page could make a deployment run a shell script as the user, and start it."""
    quiet = _deployment(up, "sync-freeze_coordinator/freeze_round")  # it has no schedule: whatever runs was asked for
    before = (quiet, _deployment(up, "sync-products/products"), _runs(up, quiet["id"]))
    steps = '{"pull_steps": [{"prefect.deployments.steps.run_shell_script": {"script": "touch pwned"}}]}'
    posts = [
        {"method": "PATCH", "path": f"/api/deployments/{before[1]['id']}", "body": steps},
        {"method": "POST", "path": f"/api/deployments/{quiet['id']}/create_flow_run", "body": "{}"},
        {"method": "POST", "path": "/api/products/sync/stop", "body": "{}"},
    ]
    port = up.settings.prefect_port
    names = ("127.0.0.1", "localhost", "evil.test")
    urls = [*(f"http://{name}:{port}" for name in names), up.web, f"http://evil.web.test:{up.settings.web_port}"]
    sockets = [f"ws://{name}:{port}/api/{path}" for name in names for path in ("events/in", "events/out")]
    page = _new_page(browser)
    page.goto(f"http://evil.test:{evil_port}/")
    done = page.evaluate(ATTACK, {"urls": urls, "sockets": sockets, "posts": posts})
    assert {(url, kind) for _, url, mode, kind, _ in done if mode != "no-cors" and kind != "refused"} == set()
    own = f"http://127.0.0.1:{evil_port}"  # of another origin too, and without a guard: there the same requests arrive
    page.evaluate(ATTACK, {"urls": [own], "sockets": [], "posts": posts})
    assert len(_Page.taken) >= len(posts)
    page.close()
    for url in urls:
        page = _new_page(browser)
        page.goto(f"http://evil.test:{evil_port}/")
        with page.expect_response(lambda answer: answer.request.method == "POST") as posted:
            page.evaluate(FORM, {"url": f"{url}{posts[1]['path']}"})
        assert posted.value.status >= 400
        page.close()
    after = (_deployment(up, "sync-freeze_coordinator/freeze_round"), _deployment(up, "sync-products/products"))
    assert (*after, _runs(up, quiet["id"])) == before


def test_a_name_that_points_to_this_machine_does_not_open_the_server(up: Up, browser: Browser) -> None:
    """DNS rebinding: for the browser the page and the server are of one origin then."""
    page = _new_page(browser)
    answer = page.goto(f"http://evil.test:{up.settings.prefect_port}/")
    assert answer is not None
    assert answer.status == 400
    page.close()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_the_ui_asks_for_the_password_and_then_works(up: Up, browser: Browser, name: str) -> None:
    """A door that keeps its owner out would be taken away; and the UI tells no third party of the visit."""
    page, asked = _new_page(browser), list[str]()
    page.on("response", lambda response: asked.append(response.url))
    page.goto(f"http://{name}:{up.settings.prefect_port}/")
    _log_in(page, up)
    page.goto(f"http://{name}:{up.settings.prefect_port}/v2/deployments")
    page.get_by_text("sync-airdrops").first.wait_for()  # on the first page, which goes by names
    assert {httpx.URL(url).host for url in asked if not url.startswith(("data:", "blob:"))} == {name}
    page.close()


def _log_in(page: Page, up: Up) -> None:
    field = page.locator("input[type=password]").first
    field.wait_for()
    field.fill(up.settings.prefect_auth or "")
    field.press("Enter")
    page.wait_for_url(re.compile("dashboard"))


def test_without_the_password_only_health_is_told(up: Up) -> None:
    """Other users of the machine reach the loopback too."""
    with httpx.Client(base_url=f"{up.prefect}/api", timeout=60, trust_env=False) as client:
        assert client.get("/health").status_code == 200
        assert client.get("/admin/settings").status_code == 401
        assert client.post("/deployments/filter").status_code == 401
    assert up.ask("POST", "/deployments/filter", {}).status_code == 200
    assert f"{up.web}/" in up.shown.text


def test_the_password_is_shown_in_a_terminal_and_stands_in_no_log(up: Up) -> None:
    """Logs are sent to others for help."""
    assert up.settings.prefect_auth is not None
    assert f"Password of the Prefect UI: {up.settings.prefect_auth}" in up.shown.text
    secret = up.settings.prefect_auth.partition(":")[2].encode()
    assert [log.name for log in (up.folder / "state" / "logs").iterdir() if secret in log.read_bytes()] == []


def test_a_second_one_is_refused_with_the_first_ones_process(up: Up) -> None:
    """Two would serve the same deployments from one database file."""
    command = [SYNCLINE, "up", "--demo"]
    second = subprocess.run(command, env=up.env, cwd=up.folder / "work", capture_output=True, text=True, check=False)
    assert second.returncode == 2
    assert f"`syncline up` (process {up.shown.process.pid}) runs on SYNCLINE_HOME" in second.stderr


def test_runs_go_on_after_each_child_was_killed(up: Up) -> None:
    """One dead process must not end the night's work of all."""
    for word in (*CHILDREN.values(), "deployments.local.reaper"):
        up.kill(word)
    for url in (f"{up.prefect}/api/health", f"{up.web}/health"):
        eventually(lambda url=url: _answers(url), f"{url} that answers again")
    deployment = _deployment(up, "sync-products/products")["id"]
    started = up.ask("POST", f"/deployments/{deployment}/create_flow_run", {"state": {"type": "SCHEDULED"}})
    run = started.raise_for_status().json()["id"]
    completed = {"COMPLETED"}
    eventually(lambda: _state(up, run) in completed, "run that completes after all were killed")
    said = up.shown.text
    for name in ("web", "sandbox", "runner", "prefect"):
        assert f"{name} ended unexpectedly (killed by SIGKILL); starting it again in " in said
        assert f"{name} ended unexpectedly" in (up.folder / "state" / "logs" / "up.log").read_text()


def test_each_child_that_stands_still_is_started_again(up: Up) -> None:
    """A stopped process has not ended: without a look for its signs of life the night's runs would wait for it."""
    stopped = {name: eventually(lambda word=word: up.pid_of(word), f"child {word}") for name, word in CHILDREN.items()}
    for pid in stopped.values():
        os.kill(pid, signal.SIGSTOP)
    for name, word in CHILDREN.items():  # one after the other: the last ones wait for the others' end and start

        def another(name: str = name, word: str = word) -> int | None:
            return _other(up.pid_of(word), stopped[name])

        eventually(another, f"another {name}", within_seconds=300)
        assert re.search(rf"{name} gave no sign of life for \d+ s and was ended; starting it again in ", up.shown.text)
    for url in (f"{up.prefect}/api/health", f"{up.web}/health"):
        eventually(lambda url=url: _answers(url) or None, f"{url} that answers again")


def _other(found: int | None, before: int) -> int | None:
    return None if found == before else found


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=10, trust_env=False).is_success
    except httpx.TransportError:
        return False


def _state(up: Up, run: str) -> str:
    return str(up.ask("GET", f"/flow_runs/{run}").raise_for_status().json()["state_type"])


def test_all_that_it_wrote_is_its_owners_alone_and_in_the_state_folder(up: Up) -> None:
    """Secrets, rows and logs are nobody else's business; and a folder that is deleted leaves nothing."""
    found = [up.folder / "state", *(up.folder / "state").rglob("*")]
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in found if not path.is_symlink()}
    assert {path: oct(mode) for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)} == {}
    for name in ("user", "tmp", "work"):
        assert list((up.folder / name).rglob("*")) == []
    assert up.proxy.heard == []
    assert "usage data" not in up.shown.text
    assert [path for path in found if "device_id" in path.name] == []


def test_one_ctrl_c_ends_it_and_what_is_of_the_moment_goes(up: Up) -> None:
    """The next start, and commands meanwhile, must not take the demo's upstreams for real ones."""
    up.shown.process.send_signal(signal.SIGINT)
    assert up.shown.process.wait(timeout=200) == 0
    left = {path.name for path in Path(up.folder / "state").iterdir()}
    assert left.isdisjoint({"demo.env", "running.json", "tmp"})
