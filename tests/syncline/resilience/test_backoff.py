from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.errors import ConfigurationError
from syncline.model.policies import Backoff, Retry
from syncline.resilience.backoff import delay_seconds, delays_seconds

BACKOFF = Backoff(attempts=10)
DICE = st.floats(0, 1, exclude_max=True)


def middle() -> float:
    """No jitter at all."""
    return 0.5


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60), (8, 60), (10_000, 60)]
)
def test_waits_double_from_one_second_to_sixty(attempt: int, seconds: float) -> None:
    """The seed's numbers; the last one shows that no power overflows."""
    assert delay_seconds(BACKOFF, attempt, middle) == pytest.approx(seconds)


@given(st.integers(1, 200), DICE)
def test_jitter_stays_within_ten_percent(attempt: int, dice: float) -> None:
    """Less would let all come back at once, more would make waits unpredictable."""
    plain = min(60, 2.0 ** min(attempt - 1, 10))
    assert plain * 0.9 <= delay_seconds(BACKOFF, attempt, lambda: dice) <= min(60, plain * 1.1)


def test_jitter_spreads_those_who_fail_together() -> None:
    """A hundred processes that failed at the same moment do not come back at the same one."""
    random = Random(7)  # noqa: S311 - a test's dice
    assert len({delay_seconds(BACKOFF, 4, random.random) for _ in range(100)}) == 100
    assert len({delay_seconds(BACKOFF, 9, random.random) for _ in range(100)}) == 100


@given(st.integers(1, 12), DICE, st.floats(0.001, 10_000))
def test_an_upstreams_longer_wait_wins_and_is_only_lengthened(attempt: int, dice: float, named: float) -> None:
    """A retry before the time that was named would be refused again."""
    delay = delay_seconds(BACKOFF, attempt, lambda: dice, retry_after_seconds=named)
    own = delay_seconds(BACKOFF, attempt, lambda: dice)
    assert delay >= max(named, own)
    assert delay == own or named <= delay <= named * 1.1


@pytest.mark.parametrize("junk", [float("nan"), float("inf"), -float("inf"), -3.0, 0.0])
def test_a_wait_that_is_none_is_ignored(junk: float) -> None:
    """Servers send dates of the past and worse; a wait without end would stop the source for good."""
    assert delay_seconds(BACKOFF, 3, middle, retry_after_seconds=junk) == 4


def test_fixed_waits_are_kept_as_they_are() -> None:
    """A list of seconds means those seconds; the last one serves all further attempts."""
    retry = Retry(attempts=5, delays_seconds=(5, 10, 20))
    assert delays_seconds(retry, middle) == retry.waits_seconds == [5, 10, 20, 20]
    assert delay_seconds(retry, 1, middle, retry_after_seconds=30) >= 30


def test_attempts_are_bounded() -> None:
    """An upstream that stays down is left alone at last: there is one wait fewer than attempts."""
    assert delays_seconds(Backoff(), middle) == Backoff().waits_seconds == [1, 2, 4, 8]
    assert delays_seconds(Backoff(attempts=1), middle) == []


@pytest.mark.parametrize(
    "wrong",
    [{"attempts": 0}, {"initial": 0}, {"initial": 61}, {"maximum": float("inf")}, {"factor": 0.5}, {"jitter": 1}],
)
def test_a_backoff_that_cannot_be_followed_is_refused(wrong: dict[str, float]) -> None:
    """A mistake in a declaration shows when it is made, not at the first failure."""
    with pytest.raises(ConfigurationError):
        Backoff(**wrong)  # pyright: ignore[reportArgumentType] - the values are the test's point
