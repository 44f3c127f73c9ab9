import asyncio
from pathlib import Path

import httpx
import pytest

import sandbox
from deployments.local.demo import demo_file, demo_settings
from deployments.local.home import tell_ports
from deployments.preflight import is_set_up
from flows.registry import sources_with_dataset
from sandbox.__main__ import read_arguments
from syncline.clock import SystemClock
from syncline.contests.pushing import endpoint_of
from syncline.settings import Settings, load_settings
from syncline.upstreams.webhooks import send


def test_commands_in_another_terminal_speak_to_the_upstream_of_a_running_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`syncline sync products` beside `make demo` must neither fail nor call a real ERP that `.env` names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SYNCLINE_HOME", str(tmp_path / "home"))
    for name in ("UPSTREAMS__ERP__BASE_URL", "SNAPSHOT_URL", "SNAPSHOT_SECRET"):
        monkeypatch.delenv(f"SYNCLINE_{name}", raising=False)
    theirs = "SYNCLINE_UPSTREAMS__ERP__BASE_URL=https://erp.example.com\nSYNCLINE_SNAPSHOT_URL=https://example.com\n"
    (tmp_path / ".env").write_text(theirs)
    demo = Settings(home=tmp_path / "home", sandbox_port=8123)
    with demo_file(demo, demo=True):
        assert load_settings().base_url("erp") == "http://127.0.0.1:8123"
        assert load_settings().upstreams == demo_settings(demo).upstreams
        assert endpoint_of(load_settings()) == endpoint_of(demo_settings(demo))
        assert load_settings().round_seconds == demo_settings(demo).round_seconds == 600
    assert load_settings().base_url("erp") == "https://erp.example.com"


def test_commands_in_another_terminal_find_the_ports_of_what_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ports in the environment of one terminal alone, another one's `status` said that Prefect does not answer."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SYNCLINE_HOME", str(tmp_path))
    for name in ("HOST", "WEB_PORT", "PREFECT_PORT", "SANDBOX_PORT"):
        monkeypatch.delenv(f"SYNCLINE_{name}", raising=False)
    (tmp_path / ".env").write_text("SYNCLINE_WEB_PORT=8081\n")
    running = Settings(home=tmp_path, host="127.0.0.2", web_port=9080, prefect_port=9200, sandbox_port=9090)
    with tell_ports(running):
        found = load_settings()
        assert (found.host, found.web_port, found.sandbox_port) == ("127.0.0.2", 9080, 9090)
        assert found.prefect_api == running.prefect_api
        monkeypatch.setenv("SYNCLINE_WEB_PORT", "9999")
        assert load_settings().web_port == 9999
    monkeypatch.delenv("SYNCLINE_WEB_PORT")
    running.up_file.write_text("SYNCLINE_WEB_PORT=9080\n")  # as a killed one leaves it
    assert (load_settings().web_port, load_settings().prefect_port) == (8081, 4200)


def test_each_feed_has_an_upstream_in_the_demo() -> None:
    """One that is forgotten would silently not be served."""
    settings = demo_settings(Settings(sandbox_port=8123))
    assert settings.base_url("yield") == "http://127.0.0.1:8123/feeds/yield"
    assert [source.name for source in sources_with_dataset() if not is_set_up(settings, source)] == []


def test_the_demo_knows_the_simulated_x() -> None:
    """The sandbox is told neither the token nor the user: what both take for known must be the same."""
    with sandbox.serving(mentions=3) as box:
        x = demo_settings(Settings(sandbox_port=int(box.url.rpartition(":")[2]))).upstream("x")
        assert x.token is not None
        headers = {"Authorization": f"Bearer {x.token.get_secret_value()}"}
        answer = httpx.get(f"{x.base_url}/2/users/{x.user_id}/mentions", headers=headers, timeout=120, trust_env=False)
        assert answer.raise_for_status().json()["meta"]["result_count"] == 3


def test_webhooks_of_the_demo_go_to_the_simulated_inbox() -> None:
    """Never to the receiver that `.env` names; and both must take the same secret for known."""
    with sandbox.serving(inbox_secret=read_arguments([]).inbox_secret) as box:
        real = Settings(sandbox_port=int(box.url.rpartition(":")[2]), snapshot_url="https://example.com/")
        endpoint = endpoint_of(demo_settings(real))
        assert endpoint is not None
        asyncio.run(send(endpoint, webhook_id="demo", body=b"{}", now=SystemClock().now()))
        assert [delivery.id for delivery in box.inbox.accepted()] == ["demo"]


def test_what_a_killed_demo_left_behind_does_not_reach_a_real_start(tmp_path: Path) -> None:
    """A stale file would have `syncline up` read from a sandbox that is gone."""
    settings = Settings(home=tmp_path)
    settings.demo_file.write_text("SYNCLINE_UPSTREAMS__ERP__BASE_URL=http://127.0.0.1:1\n")
    with demo_file(settings, demo=False):
        assert not settings.demo_file.exists()
