"""The ticks of schedules: those of Prefect's scheduler, also where clocks are changed, and wherever a look begins."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule

from deployments.schedules.ticks import _text, ticks_of  # pyright: ignore[reportPrivateUsage] - the text is what a look keeps
from syncline.model.policies import Mode
from syncline.passes.accounting import Window

NEW_YORK = "America/New_York"
SPRING, AUTUMN = datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SCHEDULES = [
    CronSchedule(cron="*/15 * * * *", timezone=NEW_YORK),
    CronSchedule(cron="30 2 * * *", timezone=NEW_YORK),
    CronSchedule(cron="30 1 * * *", timezone=NEW_YORK),
    CronSchedule(cron="0 */6 * * *", timezone="Europe/Berlin"),
    IntervalSchedule(interval=timedelta(minutes=45), anchor_date=datetime(2026, 1, 1, 0, 7, tzinfo=UTC)),
    RRuleSchedule(rrule="DTSTART:20260101T021000\nRRULE:FREQ=DAILY", timezone=NEW_YORK),
]


def ticks(text: str, after: datetime, until: datetime) -> list[datetime]:
    return list(ticks_of([Window(after=after, until=until, schedules=(text,))]))


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda one: getattr(one, "cron", type(one).__name__))
@pytest.mark.parametrize("day", [SPRING, AUTUMN])
@settings(max_examples=8)
@given(minutes=st.lists(st.integers(0, 48 * 60), min_size=1, max_size=5))
def test_looks_that_follow_each_other_find_what_one_look_finds(
    schedule: CronSchedule | IntervalSchedule | RRuleSchedule, day: datetime, minutes: list[int]
) -> None:
    """Prefect counts otherwise from within the hour that is skipped or repeated; a tick would be lost or doubled."""
    text = _text(schedule, {})
    whole = ticks(text, day, day + 48 * HOUR)
    borders = [day, *(day + timedelta(minutes=one) for one in sorted(set(minutes))), day + 48 * HOUR]
    parts = [tick for first, last in pairwise(borders) for tick in ticks(text, first, last)]
    assert parts == whole
    assert whole


def test_a_week_of_a_source_that_is_due_every_two_minutes_is_counted_whole() -> None:
    """Prefect looks at a thousand candidates in one call."""
    text = _text(IntervalSchedule(interval=timedelta(minutes=2), anchor_date=SPRING), {})
    found = ticks(text, SPRING, SPRING + timedelta(days=7))
    assert found == [SPRING + number * timedelta(minutes=2) for number in range(1, 5_041)]


def test_two_schedules_that_are_due_at_once_make_one_tick_which_reads_everything_if_one_does() -> None:
    """One session answers both."""
    hourly, nightly = (
        _text(CronSchedule(cron=cron, timezone="UTC"), {"mode": mode})
        for cron, mode in (("0 * * * *", "incremental"), ("0 3 * * *", "full"))
    )
    found = ticks_of([Window(after=SPRING, until=SPRING + 4 * HOUR, schedules=(nightly, hourly))])
    assert found == {SPRING + hour * HOUR: Mode.FULL if hour == 3 else Mode.INCREMENTAL for hour in (1, 2, 3, 4)}
