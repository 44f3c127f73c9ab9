"""An instance of its own for each test, and the command line as a user types it."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from cli.app import run
from cli.instance import Instance
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.settings import load_settings
from syncline.store import sessions
from syncline.store.engine import Store

Syncline = Callable[..., CompletedProcess[str]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own; nothing listens where its Prefect should be."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "home"
    monkeypatch.setenv("SYNCLINE_HOME", str(folder))
    monkeypatch.setenv("SYNCLINE_PREFECT_API_URL", "http://127.0.0.1:1/api")
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("SYNCLINE_DATABASE_URL", "SYNCLINE_DEBUG", "SYNCLINE_UPSTREAMS__ERP__BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def syncline(home: Path, capsys: pytest.CaptureFixture[str]) -> Syncline:
    """Runs `syncline` with these arguments."""

    def typed(*arguments: str) -> CompletedProcess[str]:
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        return CompletedProcess(["syncline", *arguments], code, captured.out, captured.err)

    return typed


@pytest.fixture
def store(home: Path, sqlite_template: Path) -> Iterator[Store]:
    """The instance's database, migrated; on the machine's clock, as the command's."""
    home.mkdir()
    shutil.copy(sqlite_template, home / "syncline.db")
    opened = Store(load_settings().database)
    yield opened
    opened.close()


@pytest.fixture
def instance(store: Store) -> Instance:
    """The instance, opened."""
    return Instance(settings=load_settings(), store=store)


@pytest.fixture
def session() -> Callable[..., SyncSession]:
    """Makes a completed session of products that began 3.5 minutes ago and took 80 seconds, but for these values."""

    def made(**values: object) -> SyncSession:
        began = datetime.now(UTC) - timedelta(minutes=3, seconds=30)
        usual: dict[str, object] = {
            "id": "products-sync-1705678900000-ab12",
            "source": "products",
            "trigger": Trigger.SCHEDULE,
            "mode": Mode.FULL,
            "status": Status.COMPLETED,
            "started_at": began,
            "completed_at": began + timedelta(seconds=80),
            "total_pages": 46,
            "pages_processed": 46,
            "items_processed": 4540,
            "items_created": 12,
            "items_updated": 8,
            "items_unchanged": 4520,
            "requests": 46,
        }
        return SyncSession.model_validate({**usual, **values})

    return made


@pytest.fixture
def keep(store: Store, session: Callable[..., SyncSession]) -> Callable[..., SyncSession]:
    """Puts such a session on record."""

    def kept(**values: object) -> SyncSession:
        made = session(**values)
        with store.write() as connection:
            sessions.insert_session(connection, made)
        return made

    return kept
