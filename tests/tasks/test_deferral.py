"""When a run that was deferred goes on."""

from datetime import UTC, datetime, timedelta

import pytest

from syncline.model.session import Status
from syncline.model.target import Target
from syncline.store import holds
from syncline.store.engine import Store
from tasks.deferral import goes_on_at
from tasks.early_end import EarlyEnd

NOW = datetime(2026, 1, 22, 10, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


def _hold(store: Store, source: str, ttl_seconds: float | None) -> str:
    with store.write() as connection:
        made = holds.create(connection, Target(source), reason="why", created_by="a", now=NOW, ttl_seconds=ttl_seconds)
    return made.id


@pytest.mark.parametrize("retry_at", [LATER, None])
def test_a_hold_that_was_released_meanwhile_lets_the_run_go_on_at_once(
    sqlite_store: Store, retry_at: datetime | None
) -> None:
    """Anyone who released it found no deferred session to start, so that the run itself must look."""
    stop = EarlyEnd(status=Status.DEFERRED, reason="paused: why", retry_at=retry_at, held=True)
    assert goes_on_at(sqlite_store, "products", stop) == NOW


@pytest.mark.parametrize("ttl_seconds", [120, None])
def test_a_run_goes_on_when_the_last_hold_ends(sqlite_store: Store, ttl_seconds: float | None) -> None:
    """The hold that deferred it may be gone, and another one stand; one without end starts the run when released."""
    _hold(sqlite_store, "products", 60)
    _hold(sqlite_store, "*", ttl_seconds)
    stop = EarlyEnd(status=Status.DEFERRED, reason="paused: why", retry_at=LATER, held=True)
    assert goes_on_at(sqlite_store, "products", stop) == (NOW + timedelta(seconds=120) if ttl_seconds else None)


def test_a_rate_limit_is_waited_for_whatever_holds_there_are(sqlite_store: Store) -> None:
    """Its end is the upstream's to say; the hold is met at admission."""
    _hold(sqlite_store, "products", 3_600)
    stop = EarlyEnd(status=Status.DEFERRED, reason="rate limit", retry_at=LATER)
    assert goes_on_at(sqlite_store, "products", stop) == LATER
