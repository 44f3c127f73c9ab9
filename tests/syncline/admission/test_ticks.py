"""When the run of a tick begins, and from when on it is late."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sources import make_source

from syncline.admission.ticks import begins_at, late_seconds

TICK = datetime(2026, 1, 22, 10, 0, tzinfo=UTC)
TICKS = [TICK + timedelta(minutes=number) for number in range(1_000)]


def delays(name: str, jitter_seconds: float) -> list[float]:
    source = make_source(name=name, jitter_seconds=jitter_seconds)
    return [(begins_at(source, tick) - tick).total_seconds() for tick in TICKS]


def test_without_jitter_a_run_begins_at_its_tick() -> None:
    """What is not asked for does not happen, to the microsecond."""
    assert begins_at(make_source(), TICK) == TICK


def test_jitter_is_spread_evenly_from_nothing_to_its_whole() -> None:
    """Of 1,000 ticks about 100 fall into each tenth of the 5 seconds."""
    drawn = delays("boxes", 5)
    tenths = [sum(number / 2 <= delay < (number + 1) / 2 for delay in drawn) for number in range(10)]
    assert sum(tenths) == 1_000
    assert all(60 <= count <= 140 for count in tenths)  # 100 +- 4 standard deviations of 9.5


def test_sources_of_one_schedule_begin_apart() -> None:
    """That is what it is for: two that always drew the same would still come together."""
    assert not set(delays("boxes", 5)) & set(delays("crates", 5))


@given(tick=st.datetimes(timezones=st.just(UTC)), jitter_seconds=st.floats(0, 3_600))
def test_a_tick_is_drawn_for_once(tick: datetime, jitter_seconds: float) -> None:
    """A retry of the same run, in another process, neither waits again nor seems late."""
    source = make_source(jitter_seconds=jitter_seconds)
    begins = begins_at(source, tick)
    assert begins == begins_at(make_source(jitter_seconds=jitter_seconds), tick)
    assert timedelta(0) <= begins - tick <= timedelta(seconds=jitter_seconds)


@pytest.mark.parametrize(
    ("late_after_seconds", "seconds", "late"),
    [(60, 60, None), (60, 60.5, 60.5), (0, 0, None), (0, 1, 1), (300, 299, None)],
)
def test_what_is_late_is_the_sources_to_say(late_after_seconds: float, seconds: float, late: float | None) -> None:
    """A minute suits a schedule of half an hour, and neither one of ten seconds nor one of a day."""
    source = make_source(late_after_seconds=late_after_seconds)
    assert late_seconds(source, TICK, TICK + timedelta(seconds=seconds)) == late
    assert late_seconds(source, None, TICK) is None


def test_lateness_counts_from_the_jittered_time() -> None:
    """A run that waited for its jitter is on time."""
    source = make_source(jitter_seconds=300, late_after_seconds=10)
    begins = begins_at(source, TICK)
    assert (begins - TICK).total_seconds() > 10
    assert late_seconds(source, TICK, begins + timedelta(seconds=10)) is None
    assert late_seconds(source, TICK, begins + timedelta(seconds=11)) == 11
