from datetime import UTC, datetime, timedelta

import pytest

from syncline import words as said

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "now"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (3 * 60 + 59, "3 min ago"),
        (7_200, "2 h ago"),
        (3 * 86_400, "3 d ago"),
        (-720, "in 12 min"),
        (-1.5, "in 1 s"),
    ],
)
def test_instants_are_told_from_now_in_their_largest_unit(seconds: float, words: str) -> None:
    """At a glance, `3 min ago` says more than a timestamp."""
    assert said.ago(NOW - timedelta(seconds=seconds), NOW) == words


def test_what_never_happened_is_a_dash() -> None:
    """A new source has no last run, and that is no error."""
    assert said.ago(None, NOW) == "-"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0.0 s"),
        (0.84, "0.8 s"),
        (9.96, "10.0 s"),
        (42.4, "42 s"),
        (60, "1 min"),
        (80, "1 min 20 s"),
        (3_600, "1 h"),
        (7_505, "2 h 5 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_spans_show_their_two_largest_units(seconds: float, words: str) -> None:
    """Seconds say nothing in a run of two hours, and are needed in one of a minute."""
    assert said.span(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.5, "0.5 s"),
        (0.025, "0.025 s"),
        (90, "90 s"),
        (100 / 3, "33.3 s"),
        (900, "15 min"),
        (5_400, "90 min"),
        (86_400, "1 d"),
    ],
)
def test_an_interval_is_told_exactly(seconds: float, words: str) -> None:
    """A window of 90 minutes is not one of an hour."""
    assert said.interval(seconds) == words


def test_what_goes_on_has_no_length() -> None:
    """It is not known yet."""
    assert (said.lasted(NOW, None), said.lasted(NOW, NOW + timedelta(seconds=80))) == ("-", "1 min 20 s")


@pytest.mark.parametrize(("seconds", "words"), [(-300, "due now"), (0.5, "due now"), (1, "in 1 s"), (720, "in 12 min")])
def test_what_should_have_been_is_due(seconds: float, words: str) -> None:
    """`again 5 min ago` would say that it was done."""
    assert said.until(NOW + timedelta(seconds=seconds), NOW) == words
