from datetime import UTC, datetime, timedelta, timezone

import pytest

from syncline.clock import ManualClock, SystemClock, from_milliseconds, milliseconds
from syncline.words import iso_instant


def test_a_moved_clock_tells_what_it_was_moved_to() -> None:
    """Tests move it, also backwards, as real clocks do; whatever zone it starts in, it tells UTC."""
    clock = ManualClock(datetime(2026, 1, 22, 11, tzinfo=timezone(timedelta(hours=1))))
    assert clock.advance(seconds=1.5) == datetime(2026, 1, 22, 10, 0, 1, 500_000, tzinfo=UTC)
    assert clock.advance(seconds=-1.5) == clock.now() == datetime(2026, 1, 22, 10, tzinfo=UTC)
    assert clock.now().utcoffset() == timedelta(0)


def test_a_clock_that_is_set_lets_no_time_pass() -> None:
    """The steady clock is what the other one is judged by; it goes on with time, and only with time."""
    clock = ManualClock(datetime(2026, 1, 22, 10, tzinfo=UTC))
    begun = clock.steady()
    clock.set_forward(seconds=30)
    clock.advance(seconds=-30)
    assert clock.steady() == begun
    clock.advance(seconds=1.5)
    assert clock.steady() == (begun.machine, begun.us + 1_500_000)


def test_steady_clocks_of_two_machines_are_told_apart() -> None:
    """What one shows says nothing of the other; two processes of one machine read the same one."""
    first, second = (ManualClock(datetime(2026, 1, 22, 10, tzinfo=UTC)) for _ in range(2))
    assert first.steady().machine != second.steady().machine
    here, there = SystemClock().steady(), SystemClock().steady()
    assert here.machine == there.machine != 0
    assert here.us <= there.us


def test_the_machines_clock_is_aware() -> None:
    """A naive instant would be compared with aware ones, and raise somewhere else."""
    assert SystemClock().now().tzinfo is UTC


def test_milliseconds_go_there_and_back() -> None:
    """1,769,076,000.123 s after 1970 are 2026-01-22 10:00:00.123 UTC; smaller parts are cut."""
    instant = datetime(2026, 1, 22, 10, 0, 0, 123_000, tzinfo=UTC)
    assert milliseconds(instant) == 1_769_076_000_123
    assert from_milliseconds(1_769_076_000_123) == instant
    assert milliseconds(instant + timedelta(microseconds=600)) == 1_769_076_000_123


def test_an_instant_is_written_with_milliseconds_and_a_z() -> None:
    """The seeds write instants so; what is finer is cut, so that no instant is later than it was."""
    instant = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
    assert iso_instant(instant) == "2024-01-15T10:30:00.000Z"
    assert iso_instant(instant.astimezone(timezone(timedelta(hours=-5)))) == "2024-01-15T10:30:00.000Z"
    assert iso_instant(instant + timedelta(microseconds=1_999)) == "2024-01-15T10:30:00.001Z"


@pytest.mark.parametrize("micros", [0, 499, 500, 999, 257_999, 999_999])
def test_an_instant_is_the_same_to_the_millisecond_in_each_form(micros: int) -> None:
    """Two faces told one instant a millisecond apart: the one rounded, the other cut."""
    instant = datetime(2026, 11, 28, 2, 23, 36, micros, tzinfo=UTC)
    assert iso_instant(from_milliseconds(milliseconds(instant))) == iso_instant(instant)
