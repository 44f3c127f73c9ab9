import http.client
import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from support.instance import eventually, free_port

from deployments.local.prefect_guard import PrefectGuard

HERE = "127.0.0.1:4200"
UPGRADE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@dataclass(frozen=True)
class Client:
    """Sends requests with exactly these headers."""

    port: int

    def status(self, method: str, path: str, headers: Mapping[str, str]) -> int:
        return self.ask(method, path, headers)[0]

    def ask(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest(method, path, skip_host=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}
        finally:
            connection.close()


async def _answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse("let in")


async def _greet(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close()


@pytest.fixture(scope="module")
def client() -> Generator[Client]:
    """A client of a guarded app that answers to all methods and to websockets."""
    routes = [Route("/api", _answer, methods=["GET", "POST", "PATCH"]), WebSocketRoute("/ws", _greet)]
    port = free_port()
    config = uvicorn.Config(PrefectGuard(Starlette(routes=routes)), port=port, log_level="error", lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.started, "server")
    yield Client(port)
    server.should_exit = True
    thread.join(timeout=30)


@pytest.mark.parametrize("host", [HERE, "localhost:4200", "[::1]:4200", "127.0.0.1", "localhost:9999"])
def test_programs_of_this_machine_are_let_in(client: Client, host: str) -> None:
    """The runner and the command send no Origin; a tunnel may have another port."""
    assert client.status("POST", "/api", {"host": host}) == 200


@pytest.mark.parametrize(
    "host",
    ["evil.test:4200", "evil.test", "localhost.evil.test", "127.0.0.1.evil.test", "127.0.0.1@evil.test", "", "["],
)
def test_a_name_that_was_made_to_point_here_is_refused(client: Client, host: str) -> None:
    """DNS rebinding makes the attacker's page one of the same origin: only the name tells it."""
    assert client.status("GET", "/api", {"host": host}) == 400


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.test",
        "https://evil.test:4200",
        "http://127.0.0.1:8080",
        "http://localhost",
        "https://127.0.0.1:4200",
        "null",
        "file://",
        "http://127.0.0.1:x",
        "http://127.0.0.1:4200.evil.test",
        "",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_a_page_of_another_origin_is_refused(client: Client, origin: str, method: str) -> None:
    """A visit to any page must not change a deployment, whether or not the page sees the answer."""
    assert client.status(method, "/api", {"host": HERE, "origin": origin}) == 403


@pytest.mark.parametrize("origin", [f"http://{HERE}", "http://localhost:4200"])
def test_its_own_pages_are_let_in(client: Client, origin: str) -> None:
    """The UI must work by either name."""
    headers = {"host": HERE, "origin": origin, "sec-fetch-site": "same-origin"}
    assert client.status("POST", "/api", headers) == 200


@pytest.mark.parametrize(
    ("method", "mode", "status"),
    [("GET", "navigate", 200), ("GET", "no-cors", 403), ("POST", "navigate", 403), ("POST", "no-cors", 403)],
)
def test_another_page_may_link_to_it_and_no_more(client: Client, method: str, mode: str, status: int) -> None:
    """The dashboard links to the UI; a form that is posted, an image or a script is more than a link."""
    headers = {"host": HERE, "sec-fetch-site": "cross-site", "sec-fetch-mode": mode}
    assert client.status(method, "/api", headers) == status


@pytest.mark.parametrize("headers", [{"host": "evil.test"}, {"host": HERE, "origin": "http://evil.test"}])
def test_websockets_are_guarded_as_well(client: Client, headers: dict[str, str]) -> None:
    """A browser does not ask before it opens one to another origin."""
    assert client.status("GET", "/ws", headers | UPGRADE) == 403
    assert client.status("GET", "/ws", {"host": HERE} | UPGRADE) == 101


def test_pages_load_nothing_from_elsewhere(client: Client) -> None:
    """Prefect's UI tells a third party of each visit, unless the browser is told to refuse that."""
    policy = client.ask("GET", "/api", {"host": HERE})[1]["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http:" not in policy
    assert "*" not in policy
