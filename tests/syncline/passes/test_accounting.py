"""Which ticks were due, and which of those nothing answered: pure decisions."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.passes.accounting import (
    NOT_PLANNED,
    Gap,
    Span,
    account,
    cause_of,
    changed,
    dump,
    gap_between,
    load_gaps,
    load_spans,
    spans_after,
    stopped_windows,
    windows,
)

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OFTEN, SELDOM = ("often",), ("seldom",)


def at(minutes: float) -> datetime:
    return NOON + minutes * MINUTE


def test_what_is_in_force_stays_so_until_something_else_is() -> None:
    """Looks every 15 seconds that find the same must not grow the record."""
    first = changed([], OFTEN, at=at(0))
    assert changed(first, OFTEN, at=at(5)) == first
    assert changed(first, SELDOM, at=at(5)) == (*first, Span(since=at(5), schedules=SELDOM))


def test_a_later_change_takes_the_place_of_what_was_thought_to_come_after_it() -> None:
    """Prefect's instant of a change may lie before one that was taken from the clock."""
    spans = (Span(since=at(0), schedules=OFTEN), Span(since=at(9), schedules=()))
    assert changed(spans, SELDOM, at=at(5)) == (spans[0], Span(since=at(5), schedules=SELDOM))


def test_only_what_was_in_force_is_accounted_for() -> None:
    """A schedule that was switched off is not blamed for the time in which it was."""
    spans = [Span(since=at(0), schedules=OFTEN), Span(since=at(10), schedules=()), Span(since=at(20), schedules=SELDOM)]
    found = windows(spans, after=at(2), until=at(30))
    assert [(one.schedules, one.after, one.until) for one in found] == [
        (OFTEN, at(2), at(10) - timedelta(microseconds=1)),
        (SELDOM, at(20) - timedelta(microseconds=1), at(30)),
    ]
    assert windows(spans, after=at(10), until=at(19)) == []
    assert spans_after(spans, at(10)) == spans[1:]


@given(st.lists(st.integers(0, 100), min_size=1, max_size=6, unique=True), st.integers(0, 100), st.integers(0, 100))
def test_windows_cover_each_instant_once(starts: list[int], after: int, until: int) -> None:
    """A tick in two windows would be missed twice, one in none never."""
    spans = [Span(since=at(start), schedules=(str(start),)) for start in sorted(starts)]
    found = windows(spans, after=at(after), until=at(until))
    for minute in range(after + 1, until + 1):
        in_force = [str(start) for start in sorted(starts) if start <= minute][-1:]
        covering = [one.schedules[0] for one in found if one.after < at(minute) <= one.until]
        assert covering == in_force


TICKS = st.sets(st.integers(0, 60), max_size=30)


@given(due=TICKS, answered=TICKS, coming=TICKS)
def test_each_due_tick_is_missed_answered_or_still_to_come(due: set[int], answered: set[int], coming: set[int]) -> None:
    """The promise itself; what is still to come is looked at again, as the watermark stays before it."""
    found = account(
        [at(one) for one in due],
        answered={at(one) for one in answered},
        coming={at(one) for one in coming},
        until=at(60),
    )
    missed, waiting = due - answered - coming, (due & coming) - answered
    assert list(found.missed) == [at(one) for one in sorted(missed)]
    assert all(at(one) > found.accounted_to for one in waiting)
    assert found.accounted_to == (at(60) if not waiting else at(min(waiting)) - timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("seen", "away_since", "cause"),
    [
        (at(8.5), None, None),
        (at(0), None, "Syncline was not running from 2026-03-01 12:00:00 UTC to 2026-03-01 12:10:00 UTC"),
        (at(0), at(0.2), "Prefect's server could not be reached from 2026-03-01 12:00:00 UTC to"),
        (at(0), at(9), "Syncline was not running from"),
    ],
)
def test_a_gap_says_what_was_away(seen: datetime, away_since: datetime | None, cause: str | None) -> None:
    """`missed` alone would look like a fault of the schedule."""
    gap = gap_between(seen, at(10), away_since=away_since)
    assert (gap is None) is (cause is None)
    if gap is not None and cause is not None:
        assert gap.cause.startswith(cause)
        assert cause_of(at(5), [gap]) == f"{NOT_PLANNED}: {gap.cause}"
        assert cause_of(at(11), [gap]) == NOT_PLANNED


def test_what_an_operator_stopped_and_started_again_was_off_in_between() -> None:
    """Both may happen between two looks; ticks in between were not due."""
    stop, start = "schedule.stop", "schedule.start"
    changes = [(at(0), start), (at(1), stop), (at(2), stop), (at(4), start), (at(5), start), (at(7), stop)]
    assert stopped_windows(changes) == [(at(1), at(4))]


def test_spans_and_gaps_are_read_as_they_were_written() -> None:
    """They outlive the process that wrote them."""
    spans = (Span(since=at(0), schedules=OFTEN), Span(since=at(1), schedules=()))
    gaps = (Gap(since=at(0), until=at(1), cause="a power cut"),)
    assert load_spans(dump(spans)) == spans
    assert load_gaps(dump(gaps)) == gaps
