"""Which lanes a claim is taken from."""

import pytest

from syncline.jobs.lanes import Blocks, Floors, Turns, by_priority, per_user
from syncline.model.policies import Priority
from syncline.store.job_claims import Lane

HIGH, NORMAL, LOW = Priority
SECOND = 1_000_000


def lanes(*priorities: Priority, source: str = "wallets") -> list[Lane]:
    return [Lane(source=source, priority=priority, due_us=index) for index, priority in enumerate(priorities)]


def drawn(turns: Turns, waiting: list[Lane], count: int) -> dict[Priority, int]:
    """What a claim takes where each lane has more than enough."""
    got: dict[Priority, int] = {}
    left = count
    for lane, most in turns.order(waiting, count):
        taken = min(left, most)
        got[lane.priority] = got.get(lane.priority, 0) + taken
        left -= taken
    assert left == 0, "a claim was not filled though there is work"
    return got


@pytest.mark.parametrize("priorities", [(HIGH, LOW), (HIGH, NORMAL), (NORMAL, LOW), (HIGH, NORMAL, LOW)])
def test_the_lowest_lane_gets_a_tenth_at_any_size_of_claim(priorities: tuple[Priority, ...]) -> None:
    """It is slow while others have work, and never stands still: 1,000 jobs are 100 of it, within one claim."""
    for count in range(1, 101):
        turns, low, whole = Turns(), 0, 0
        while whole < 1_000:
            low += drawn(turns, lanes(*priorities), count).get(priorities[-1], 0)
            whole += count
            assert abs(low - whole / 10) <= 1
        assert low == whole // 10


def test_the_share_holds_over_claims_of_changing_size() -> None:
    """A drain's claims grow and shrink with the backlog."""
    turns, low, whole = Turns(), 0, 0
    for count in [*range(1, 101)] * 3:
        low += drawn(turns, lanes(HIGH, LOW), count).get(LOW, 0)
        whole += count
        assert abs(low - whole / 10) <= 1


def test_a_lane_alone_gets_all() -> None:
    """Nothing is kept free for work that is not there."""
    for only in Priority:
        assert drawn(Turns(), lanes(only), 7) == {only: 7}
    assert Turns().order([], 7) == []


def test_sources_of_one_priority_share_the_lowest_turn() -> None:
    """The one whose first job is due longest takes it."""
    late = Lane(source="late", priority=LOW, due_us=5)
    early = Lane(source="early", priority=LOW, due_us=3)
    high = Lane(source="early", priority=HIGH, due_us=9)
    assert Turns().order([high, early, late], 10) == [(early, 1), (high, 10), (early, 10), (late, 10)]


def test_a_user_gets_a_fifth_of_a_claim_and_two_at_least() -> None:
    """Who has thousands of accounts must not keep the others waiting."""
    assert [per_user(count) for count in (1, 9, 10, 14, 15, 100)] == [2, 2, 2, 2, 3, 20]


def test_a_drain_of_some_priorities_sees_theirs_alone() -> None:
    """Drains run in the work queues high, normal and low."""
    assert [lane.priority for lane in by_priority(lanes(HIGH, NORMAL, LOW), [NORMAL, LOW])] == [NORMAL, LOW]


def test_floors_lie_a_second_below_what_was_seen_and_are_forgotten() -> None:
    """A request that was dated before another one may be committed after it: it must be seen all the same."""
    floors = Floors()
    now = 100 * SECOND
    assert floors.known(now) == {}
    floors.learn(
        [Lane(source="a", priority=HIGH, due_us=90 * SECOND), Lane(source="b", priority=LOW, due_us=now + 9)], now
    )
    assert floors.known(now) == {("a", HIGH): 89 * SECOND, ("b", LOW): 99 * SECOND}
    assert floors.known(now + 4 * SECOND) != {}
    assert floors.known(now + 5 * SECOND) == {}
    floors.learn([Lane(source="a", priority=HIGH, due_us=90 * SECOND)], now + 5 * SECOND)
    assert floors.known(now - SECOND) == {}, "a clock that was set back"
    floors.learn([Lane(source="a", priority=HIGH, due_us=90 * SECOND)], now)
    floors.forget()
    assert floors.known(now) == {}


def test_a_lane_rests_once_three_jobs_in_a_row_were_deferred() -> None:
    """One alone may be an account whose own budget is spent: the others go on."""
    blocks, now = Blocks(), 100 * SECOND
    (lane,) = lanes(LOW)
    for goes_on in (130 * SECOND, 110 * SECOND):
        blocks.note("wallets", LOW, goes_on_us=goes_on, ended_us=now)
        assert blocks.opens_us(lane, now) == lane.due_us
    blocks.note("wallets", LOW, goes_on_us=120 * SECOND, ended_us=now)
    assert blocks.opens_us(lane, now) == 110 * SECOND, "the first of them may go on then"
    assert blocks.opens_us(lanes(HIGH)[0], now) == 0, "a lane of its own"
    assert blocks.opens_us(lane, 110 * SECOND) == 110 * SECOND
    assert blocks.opens_us(lane, 110 * SECOND) == lane.due_us, "a claim tries whether it goes on"


def test_a_lane_rests_for_a_minute_at_most_and_not_after_an_end_of_another_kind() -> None:
    """An upstream that says "in an hour" may mean one account; nobody else has to wait so long."""
    blocks, now = Blocks(), 100 * SECOND
    (lane,) = lanes(LOW)
    for _ in range(3):
        blocks.note("wallets", LOW, goes_on_us=now + 3600 * SECOND, ended_us=now)
    assert blocks.opens_us(lane, now) == now + 60 * SECOND
    blocks.note("wallets", LOW, goes_on_us=None, ended_us=now)
    assert blocks.opens_us(lane, now) == lane.due_us
