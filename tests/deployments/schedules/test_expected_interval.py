"""How often a source is expected to run, and when its silence is too long."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.pace import PacedSettings

from deployments.schedules.expected_interval import cadences, read_cadences
from deployments.schedules.file import Deployment
from syncline.settings import Settings
from syncline.store import schedules
from syncline.store.engine import Store

MARKET = ({"slug": "open", "cron": "*/5 9-16 * * 1-5"},)
HALF_HOUR = ({"slug": "a", "interval": 1_800, "anchor_date": "2026-01-01T00:00:00Z"},)


def quests(*entries: dict[str, Any]) -> list[Deployment]:
    entry = {"name": "quests", "flow_name": "sync-quests", "entrypoint": "flows.quests.sync_quests"}
    return [Deployment.model_validate({**entry, "schedules": entries})]


def stalled_at(
    store: Store,
    deployments: list[Deployment],
    last_run: datetime,
    settings: Settings | None = None,
    now: datetime | None = None,
) -> datetime | None:
    found = read_cadences(settings or Settings(), store, deployments)["quests"]
    return found.stalled_at(last_run, now or last_run + timedelta(days=30))


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


@pytest.mark.parametrize(
    ("cron", "silent_days", "stalled"),
    [
        ("0 3 1 * *", 45, False),  # monthly: one tick has gone by
        ("0 3 1 * *", 75, True),
        ("0 3 * * MON", 13, False),
        ("0 3 * * MON", 15, True),
        ("0 0 29 2 *", 2_000, False),  # 2028; the next one is in 2032
        ("0 0 29 2 *", 2_300, True),
        ("0 0 30 2 *", 20_000, False),  # it never fires
        ("@hourly", 1, True),
        ("0 12 1 1 *", 800, True),
    ],
)
def test_a_cron_can_stall_however_seldom_it_ticks(
    sqlite_store: Store, cron: str, silent_days: int, *, stalled: bool
) -> None:
    """Only eight days were looked ahead: a monthly feed that died was never told."""
    last_run = datetime(2026, 1, 5, 12, tzinfo=UTC)
    found = stalled_at(
        sqlite_store,
        quests({"slug": "a", "cron": cron}),
        last_run,
        now=last_run + timedelta(days=silent_days),
    )
    assert (found is not None) == stalled


@pytest.mark.parametrize(
    ("zone", "cron", "last_run", "stalled"),
    [
        ("Europe/Berlin", "30 2 * * *", "2026-10-24T00:40", "2026-10-26T01:31"),  # 02:30 comes twice, and counts once
        ("Europe/Berlin", "30 2 * * *", "2026-03-28T01:40", "2026-03-30T00:31"),  # 02:30 is skipped: at 03:00
        ("America/New_York", "0 9 * * MON-FRI", "2026-03-06T14:05", "2026-03-10T13:01"),  # an hour earlier in UTC
        ("Asia/Kolkata", "0 0 * * *", "2026-01-01T18:40", "2026-01-03T18:31"),
        ("UTC", "30 2 * * *", "2026-10-24T02:40", "2026-10-26T02:31"),
    ],
)
def test_a_cron_counts_by_the_clocks_of_its_zone(
    sqlite_store: Store, zone: str, cron: str, last_run: str, stalled: str
) -> None:
    """An opening hour stays one when clocks are changed, so that its instants move."""
    began = datetime.fromisoformat(last_run).replace(tzinfo=UTC)
    entry = {"slug": "a", "cron": cron, "timezone": zone}
    assert stalled_at(sqlite_store, quests(entry), began) == datetime.fromisoformat(stalled).replace(tzinfo=UTC)


def test_the_interval_that_an_operator_set_is_what_is_expected(sqlite_store: Store) -> None:
    """Anyone who slows a source down is not woken for it."""
    now = sqlite_store.clock.now()
    with sqlite_store.write() as connection:
        schedules.override(connection, "quests", interval_seconds=60, changed_by="ann", now=now)
    assert stalled_at(sqlite_store, quests(*HALF_HOUR), datetime(2026, 1, 22, 10, tzinfo=UTC)) == datetime(
        2026, 1, 22, 10, 2, tzinfo=UTC
    )


def test_the_interval_of_the_environment_is_expected_unless_an_operator_set_one(sqlite_store: Store) -> None:
    """By that of prefect.yaml a source that was slowed down stalls, and one that was sped up is never missed."""
    settings, last_run = PacedSettings(paces={"quests": 300}), datetime(2026, 1, 22, 10, tzinfo=UTC)
    (cadence,) = asyncio.run(cadences(settings, sqlite_store, quests(*HALF_HOUR))).values()
    assert cadence.interval_seconds == 300
    for entries in (HALF_HOUR, MARKET):
        assert stalled_at(sqlite_store, quests(*entries), last_run, settings) == last_run + timedelta(minutes=10)
    with sqlite_store.write() as connection:
        schedules.override(connection, "quests", interval_seconds=60, changed_by="ann", now=sqlite_store.clock.now())
    assert stalled_at(sqlite_store, quests(*MARKET), last_run, settings) == last_run + timedelta(minutes=2)


def test_a_source_that_has_no_schedule_has_no_cadence(sqlite_store: Store) -> None:
    """It runs when somebody wants it."""
    assert asyncio.run(cadences(Settings(), sqlite_store, quests())) == {}
