"""What `syncline new` writes for real APIs, run as it is: it follows each create, update and delete exactly."""

import ast
import asyncio
import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import SQLModel
from support.real import node_servers
from support.real.python_servers import datasette, django, kinto, pocketbase, pygeoapi, pygeoapi_is_installed
from support.real.things import Row, Things
from support.real.word_press import word_press

from deployments.new_source.credentials import Given
from deployments.new_source.writing import Plan, Project, Wanted, plan
from deployments.schedules.file import default_path
from syncline.admission.admit import admit
from syncline.admission.due_run import DueRun
from syncline.model.items import table_of
from syncline.model.session import Status, Tally, Trigger
from syncline.model.source import Source
from syncline.passes import prune as pruning
from syncline.passes import pull as pulling
from syncline.passes.closing import complete
from syncline.settings import Settings, UpstreamSettings
from syncline.store.engine import Store
from syncline.upstreams.client import UpstreamClient

Start = Callable[[Path], AbstractContextManager[Things]]
FROM_NPM: dict[str, Start] = {
    "json-server 0.17": node_servers.json_server_0,
    "json-server 1": node_servers.json_server_1,
    "pouchdb": node_servers.pouchdb,
}
SERVERS: dict[str, Start] = {
    "datasette": datasette,
    "django": django,
    "kinto": kinto,
    "pocketbase": pocketbase,
    **({"pygeoapi": pygeoapi} if pygeoapi_is_installed() else {}),
    "wordpress": word_press,
    **(FROM_NPM if node_servers.are_installed() else {}),
}


NAMES = {number: f"n{number}" for number in range(1, 232)}
_numbers = count()


class Written:
    """A source as `syncline new` wrote it, and runs of it as its flow makes them."""

    def __init__(self, made: Plan, source: Source, store: Store, settings: Settings) -> None:
        self.made, self.source = made, source
        self._store, self._settings = store, settings

    def sync(self) -> Tally:
        """One run; it must be completed."""
        admission = admit(self._store, self.source, DueRun(trigger=Trigger.MANUAL))
        assert admission.granted, admission.reason

        async def pulled() -> Tally:
            async with UpstreamClient(self.source.upstream, self._settings) as client:
                return await pulling.pull(self._store, self.source, client, admission.session_id, mode=admission.mode)

        tally = asyncio.run(pulled())
        pruned = pruning.prune(self._store, self.source, admission.session_id)
        assert pruned.refused is None
        assert complete(self._store, admission.session_id) is Status.COMPLETED
        return tally + pruned.tally

    def rows(self) -> list[Row]:
        with self._store.read() as connection:
            return [
                dict(row) for row in connection.execute(select(table_of(self.source.required_dataset.table))).mappings()
            ]


@contextmanager
def written(url: str, name: str, folder: Path, store: Store) -> Generator[Written]:
    """The source `name` that is written for `url`; its class is forgotten afterwards."""
    (folder / name).mkdir()
    yaml = folder / name / "prefect.yaml"
    yaml.write_bytes(default_path().read_bytes())
    project = Project(flows=folder / name, prefect_yaml=yaml, env=folder / name / ".env")
    made = plan(Wanted(name=name, url=url, given=Given(), every_seconds=60), project, Settings(upstreams={}))
    module = ModuleType(f"written_{name}_{next(_numbers)}")  # SQLAlchemy remembers classes by module and name
    sys.modules[module.__name__] = module
    names: Any = vars(module)
    exec(compile(without_the_flow(made.module), name, "exec"), names)  # noqa: S102 - the file that was written
    source: Source = names[made.draft.names.constant]
    base = made.added[f"SYNCLINE_UPSTREAMS__{name.upper()}__BASE_URL"]
    with store.write() as connection:
        table_of(source.required_dataset.table).create(connection)
    try:
        yield Written(made, source, store, Settings(upstreams={name: UpstreamSettings(base_url=base)}))
    finally:
        del sys.modules[module.__name__]
        SQLModel.metadata.remove(table_of(source.required_dataset.table))


def without_the_flow(text: str) -> ast.Module:
    """The file without what needs Prefect."""
    tree = ast.parse(text)
    tree.body = [
        part
        for part in tree.body
        if not isinstance(part, ast.AsyncFunctionDef)
        and not (isinstance(part, ast.ImportFrom) and str(part.module).startswith("tasks"))
    ]
    return tree


@pytest.fixture(scope="module", params=SERVERS)
def things(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Things]:
    """The things of each server in turn, with the first names; one server for both kinds of database."""
    with SERVERS[request.param](tmp_path_factory.mktemp("server")) as served:
        served.fill(NAMES)
        yield served


@pytest.mark.slow
def test_what_is_written_follows_a_real_api_exactly(things: Things, store: Store, tmp_path: Path) -> None:
    """The promise of `syncline new`: each way of listing the things is read whole, and each change is counted once."""
    sources = [written(url, f"things_{at}", tmp_path, store) for at, url in enumerate(things.urls)]
    for context in sources:
        with context as source:
            follow(source, things, dict(NAMES))
            reset(things)


def follow(source: Written, things: Things, names: dict[int, str]) -> None:
    """Rounds of changes; after each the table has what the API has."""

    def check(**expected: int) -> None:
        tally = source.sync()
        found = {kind: getattr(tally, kind) for kind in ("created", "updated", "deleted", "rejected")}
        assert found == {"created": 0, "updated": 0, "deleted": 0, "rejected": 0, **expected}, source.made.module
        assert sorted(map(things.name_of, source.rows())) == sorted(names.values())

    check(created=len(names))
    check()
    for number in (300, 301, 302):
        things.create(number, f"n{number}")
        names[number] = f"n{number}"
    for number in (1, 60, 115, 231):
        things.rename(number, f"n{number} changed")
        names[number] = f"n{number} changed"
    for number in (2, 61, 116, 230, 302):
        things.delete(number)
        del names[number]
    check(created=2, updated=4, deleted=4)
    things.delete(300)
    del names[300]
    check(deleted=1)


def reset(things: Things) -> None:
    """Undo the rounds."""
    things.delete(301)
    for number in (1, 60, 115, 231):
        things.rename(number, NAMES[number])
    for number in (2, 61, 116, 230):
        things.create(number, NAMES[number])
