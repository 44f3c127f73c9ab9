"""How often a source is expected to run, and when its silence is too long."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from deployments.cadence import cadences
from deployments.prefect_yaml import Deployment
from syncline.store import schedules
from syncline.store.engine import Store

MARKET = ({"slug": "open", "cron": "*/5 9-16 * * 1-5"},)
HALF_HOUR = ({"slug": "a", "interval": 1_800, "anchor_date": "2026-01-01T00:00:00Z"},)


def quests(*entries: dict[str, Any]) -> list[Deployment]:
    entry = {"name": "quests", "flow_name": "sync-quests", "entrypoint": "flows.quests.sync_quests"}
    return [Deployment.model_validate({**entry, "schedules": entries})]


def stalled_at(store: Store, deployments: list[Deployment], last_run: datetime) -> datetime | None:
    async def ask() -> datetime | None:
        return await (await cadences(store, deployments))["quests"].stalled_at(last_run)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("entries", "last_run", "stalled"),
    [
        (HALF_HOUR, (22, 10, 0), (22, 11, 0)),  # Thursday, twice the interval
        (MARKET, (22, 10, 0), (22, 10, 11)),  # the ticks of 10:05 and 10:10 have gone by
        (MARKET, (22, 16, 55), (23, 9, 6)),  # nothing is due at night
        (MARKET, (23, 16, 55), (26, 9, 6)),  # nor at the weekend
    ],
)
def test_a_source_has_stalled_when_two_of_its_ticks_have_gone_by(
    sqlite_store: Store,
    entries: tuple[dict[str, Any], ...],
    last_run: tuple[int, int, int],
    stalled: tuple[int, int, int],
) -> None:
    """A market that is closed is no outage; one that has opened without us is."""
    found = stalled_at(sqlite_store, quests(*entries), datetime(2026, 1, *last_run, tzinfo=UTC))
    assert found == datetime(2026, 1, *stalled, tzinfo=UTC)


def test_the_interval_that_an_operator_set_is_what_is_expected(sqlite_store: Store) -> None:
    """Whoever slows a source down is not woken for it."""
    now = sqlite_store.clock.now()
    with sqlite_store.write() as connection:
        schedules.override(connection, "quests", interval_seconds=60, changed_by="ann", now=now)
    assert stalled_at(sqlite_store, quests(*HALF_HOUR), datetime(2026, 1, 22, 10, tzinfo=UTC)) == datetime(
        2026, 1, 22, 10, 2, tzinfo=UTC
    )


def test_a_source_that_has_no_schedule_has_no_cadence(sqlite_store: Store) -> None:
    """It runs when somebody wants it."""
    assert asyncio.run(cadences(sqlite_store, quests())) == {}
