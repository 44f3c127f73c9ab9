"""What jobs came to, counted by the hour."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlmodel import Session

from syncline.model.job import TOOK_BOUNDS_MS, SyncRollup
from syncline.model.session import Status, Tally
from syncline.store import rollups
from syncline.store.engine import Store
from syncline.store.rollups import Count, Rollup

HOUR = datetime(2026, 1, 22, 10, tzinfo=UTC)
TALLY = Tally(processed=10, created=1, updated=2, deleted=3, unchanged=4, rejected=5, requests=6)


def _count(**more: Any) -> Count:  # noqa: ANN401 - any field
    own: dict[str, Any] = {"source": "a", "status": Status.COMPLETED, "ended": HOUR, "took_ms": 7, "waited_ms": 9}
    return Count(**{**own, **more})


def _add(store: Store, *counts: Count, slot: int = 0) -> None:
    with store.write() as connection:
        rollups.add(connection, counts, slot=slot)


def test_counts_add_up_over_calls_slots_and_hours(store: Store) -> None:
    """An hour begins with its first microsecond, in UTC whatever the zone of the instant."""
    tokyo = HOUR.astimezone(tz=datetime.strptime("+0900", "%z").tzinfo)
    for slot in (0, 0, 3):
        _add(store, _count(tally=TALLY), _count(ended=tokyo + timedelta(minutes=59), tally=TALLY, took_ms=8), slot=slot)
    _add(store, _count(ended=HOUR - timedelta(microseconds=1)), _count(ended=HOUR + timedelta(hours=1)))
    _add(store, _count(source="b"), _count(status=Status.FAILED), _count(status=Status.FAILED))
    _add(store)
    six = Tally()
    for _ in range(6):
        six += TALLY
    with store.read() as connection:
        found = rollups.since(connection, HOUR + timedelta(minutes=30))
        rows = Session(connection).scalars(select(SyncRollup)).all()
    assert {key: one.jobs for key, one in found.items()} == {
        ("a", Status.COMPLETED): 7,
        ("a", Status.FAILED): 2,
        ("b", Status.COMPLETED): 1,
    }
    ours = found["a", Status.COMPLETED]
    assert (ours.tally, ours.duration_ms, ours.waited_ms) == (six, 3 * 7 + 3 * 8 + 7, 7 * 9)
    assert ours.took == (7, *[0] * len(TOOK_BOUNDS_MS))
    assert len(rows) == 6, "an hour, source, outcome and slot is one row"
    with store.read() as connection:
        assert list(rollups.since(connection, HOUR, source="b")) == [("b", Status.COMPLETED)]
        assert rollups.since(connection, HOUR + timedelta(hours=2)) == {}


def test_each_duration_has_its_bucket(store: Store) -> None:
    """A bound belongs to the bucket below it; what is longer than all has one of its own."""
    _add(store, _count(took_ms=0), *(_count(took_ms=bound + more) for bound in TOOK_BOUNDS_MS for more in (0, 1)))
    with store.read() as connection:
        found = rollups.since(connection, HOUR)["a", Status.COMPLETED]
    assert found.took == (2, *[2] * (len(TOOK_BOUNDS_MS) - 1), 1)


def test_old_hours_are_forgotten(store: Store) -> None:
    """All that ended before the hour in which the instant lies."""
    _add(store, *(_count(ended=HOUR - timedelta(hours=ago)) for ago in range(4)))
    with store.write() as connection:
        assert rollups.forget(connection, HOUR - timedelta(minutes=30)) == 2
        assert connection.execute(text("SELECT count(*) FROM sync_rollups")).scalar_one() == 2


EMPTY = (0,) * (len(TOOK_BOUNDS_MS) + 1)
PLAIN = Rollup(jobs=0, tally=Tally(), duration_ms=0, waited_ms=0, took=EMPTY)


@pytest.mark.parametrize(
    ("took", "part", "expected"),
    [
        ({}, 0.5, None),
        ({0: 10}, 0.5, 50),
        ({0: 10}, 1.0, 100),
        ({0: 10}, 0.0, 0),
        ({1: 4}, 0.5, 175),  # half of the way from 100 to 250
        ({0: 50, 2: 50}, 0.5, 100),  # the last of the first fifty
        ({0: 50, 2: 50}, 0.95, 475),  # 45 of 50 of the way from 250 to 500
        ({0: 95, 10: 5}, 0.99, 300_000),  # beyond the last bound
        ({10: 1}, 0.5, 300_000),
    ],
)
def test_percentiles_lie_within_a_bucket(took: dict[int, int], part: float, expected: float | None) -> None:
    """The counts are all that is kept of each duration."""
    counts = tuple(took.get(index, 0) for index in range(len(EMPTY)))
    found = replace(PLAIN, took=counts).percentile_ms(part)
    assert found == (None if expected is None else pytest.approx(expected))
