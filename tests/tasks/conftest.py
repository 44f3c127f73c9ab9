"""What the tests of tasks share: a sandbox as upstream, a database, and no Prefect server at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.events.clients import NullEventsClient
from prefect.events.worker import EventsWorker
from prefect.logging import disable_run_logger

import sandbox
from syncline.store.engine import Store
from tasks.context import open_store


@pytest.fixture(autouse=True)
def no_run_logger() -> Iterator[None]:
    """Run logs go to a server, and there is none."""
    with disable_run_logger():
        yield


@pytest.fixture(autouse=True, scope="session")
def no_events() -> None:
    """Prefect's events go nowhere; without a server it would start one for them."""
    EventsWorker.set_client_override(NullEventsClient)


@pytest.fixture
def box() -> Iterator[sandbox.Box]:
    with sandbox.serving(seed=7, products=30, customers=5) as served:
        yield served


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sqlite_url: str, box: sandbox.Box) -> Iterator[Store]:
    """An instance as the environment describes it; its store."""
    monkeypatch.setenv("SYNCLINE_HOME", str(tmp_path))
    monkeypatch.setenv("SYNCLINE_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("SYNCLINE_UPSTREAMS__ERP__BASE_URL", box.url)
    monkeypatch.setenv("SYNCLINE_UPSTREAMS__ERP__TOKEN", box.token)
    store = open_store()
    yield store
    store.close()
