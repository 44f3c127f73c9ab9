"""What goes on when a hold ends: only what a hold deferred."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from support.runs import begin

from deployments import controls
from flows.products import PRODUCTS
from syncline.admission.admit import admit
from syncline.admission.due_run import DueRun
from syncline.errors import PrefectUnavailableError
from syncline.model.session import Status, Trigger
from syncline.model.target import Target
from syncline.passes.closing import close
from syncline.settings import Settings
from syncline.store import holds
from syncline.store.engine import Store


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An instance whose Prefect server is away, so that any attempt to start a run is seen."""
    return Settings(home=tmp_path, prefect_api_url="http://127.0.0.1:9/api")


def deferred(store: Store, *, held: bool) -> None:
    session_id = begin(store, PRODUCTS).session_id
    later = store.clock.now() + timedelta(hours=1)
    close(store, session_id, Status.DEFERRED, reason="why", retry_at=later, held=held)


def resume(settings: Settings, store: Store) -> list[str]:
    return asyncio.run(controls.resume_deferred(settings, store, "products"))


def test_a_run_that_waits_for_a_budget_is_not_brought_forward(sqlite_store: Store, settings: Settings) -> None:
    """Releasing some hold gives the upstream no requests: the run would be refused, and deferred once more."""
    deferred(sqlite_store, held=False)
    assert resume(settings, sqlite_store) == []


def test_a_run_that_a_hold_deferred_goes_on(sqlite_store: Store, settings: Settings) -> None:
    """Nobody waits for the end of a pause that was taken back."""
    deferred(sqlite_store, held=True)
    with pytest.raises(PrefectUnavailableError):
        resume(settings, sqlite_store)


def test_a_run_that_met_a_second_hold_at_the_door_goes_on_when_that_one_ends(
    sqlite_store: Store, settings: Settings
) -> None:
    """Holds nest; the run that was deferred twice waits for a hold still."""
    with sqlite_store.write() as connection:
        now = sqlite_store.clock.now()
        holds.create(connection, Target("products"), reason="why", created_by="a", now=now, ttl_seconds=60)
    assert admit(sqlite_store, PRODUCTS, DueRun(trigger=Trigger.RETRY)).status is Status.DEFERRED
    with pytest.raises(PrefectUnavailableError):
        resume(settings, sqlite_store)
