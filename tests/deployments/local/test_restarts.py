import pytest

from deployments.local.restarts import MOST_DEATHS, WINDOW_SECONDS, Restarts


def test_each_start_waits_twice_as_long_and_the_fifth_end_is_the_last() -> None:
    """A child that cannot live must not be started for ever."""
    restarts, delays = Restarts(began=0), list[float | None]()
    for number in range(MOST_DEATHS):
        restarts, delay = restarts.died(100 + number, -9)
        delays.append(delay)
    assert delays == [1, 2, 4, 8, None]


def test_ends_of_long_ago_do_not_count() -> None:
    """One that dies once a day goes on for years."""
    restarts = Restarts(began=0)
    for number in range(3 * MOST_DEATHS):
        restarts, delay = restarts.died(number * WINDOW_SECONDS, 1 if number else -9)
        assert delay == 1


@pytest.mark.parametrize(("exit_code", "seconds", "again"), [(1, 5, False), (-9, 5, True), (0, 5, True), (1, 60, True)])
def test_a_first_start_that_fails_is_not_tried_again(exit_code: int, seconds: float, again: bool) -> None:  # noqa: FBT001 - a column of the table
    """A wrong setting is told at once; a child that was killed is no wrong setting."""
    _, delay = Restarts(began=0).died(seconds, exit_code)
    assert (delay is not None) is again
