import socket
import threading
from collections.abc import Callable, Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from syncline.clock import ManualClock
from syncline.settings import Settings
from syncline.store.engine import Store

Call = Callable[..., httpx.Response]
CallAs = Callable[[Settings, str | None], Call]


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        del format, args


@pytest.fixture
def prefect_api() -> Generator[str]:
    """A server that answers as Prefect's does when it is asked how it is."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()
        thread.join()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_all_is_well_where_database_and_prefect_answer(call_as: CallAs, prefect_api: str, clock: ManualClock) -> None:
    """A load balancer and a person read the same answer, without a token."""
    call = call_as(Settings(prefect_api_url=prefect_api), None)
    clock.advance(seconds=90)
    answer = call("GET", "/health")
    assert answer.status_code == 200
    told = answer.json()
    assert (told["status"], told["database"], told["prefect"], told["uptime_seconds"]) == ("ok", "ok", "ok", 90)
    assert "version" not in told  # it says which known faults to try


@pytest.mark.parametrize("api", ["http://127.0.0.1:{port}/api", "http://[", "nonsense"])
def test_without_prefect_the_app_is_degraded_but_serves(call_as: CallAs, api: str) -> None:
    """Reading needs no Prefect, so the load balancer keeps sending."""
    answer = call_as(Settings(prefect_api_url=api.format(port=free_port())), None)("GET", "/health")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["prefect"]) == ("degraded", "unavailable")


def test_without_its_database_the_app_is_of_no_use(
    call_as: CallAs, prefect_api: str, sqlite_store: Store, tmp_path: Path
) -> None:
    """503 sends the load balancer elsewhere; the database's address and password are not told."""
    sqlite_store.close()
    for file in tmp_path.glob("syncline.db*"):
        file.unlink()
    (tmp_path / "syncline.db").mkdir()
    answer = call_as(Settings(prefect_api_url=prefect_api, jwt_secret=SecretStr("s")), None)("GET", "/health")
    assert answer.status_code == 503
    assert (answer.json()["status"], answer.json()["database"]) == ("degraded", "unavailable")
    assert str(tmp_path) not in answer.text
