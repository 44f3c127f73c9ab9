"""Requests that are under way, and a clock that is set: as the store keeps them, in several processes."""

from datetime import timedelta

import pytest
from support.statements import counted

from syncline.clock import ManualClock
from syncline.model.budgets import BudgetKey, SlidingWindow, TokenBucket
from syncline.model.policies import Priority
from syncline.resilience.spending import Denied, Granted
from syncline.store.budgets import Budgets
from syncline.store.engine import Store

SHORT = BudgetKey(name="x:short", policy=SlidingWindow(limit=3, period_seconds=5, margin=0))
MINUTE = BudgetKey(name="x:minute", policy=SlidingWindow(limit=3, period_seconds=60, margin=0))
COARSE = BudgetKey(name="x:coarse", policy=SlidingWindow(limit=2000, period_seconds=5, margin=0))
BUCKET = BudgetKey(name="x:bucket", policy=TokenBucket(capacity=2, refill_per_second=0.1))
DOOR = BudgetKey(name="x")


def sent(budgets: Budgets, key: BudgetKey) -> Granted:
    said = budgets.acquire([key], under_way_seconds=5)
    assert isinstance(said, Granted)
    return said


def admitted(budgets: Budgets, key: BudgetKey, times: int) -> int:
    return sum(isinstance(budgets.acquire([key]), Granted) for _ in range(times))


def test_a_request_counts_for_a_period_from_its_answer_on(store: Store, clock: ManualClock) -> None:
    """The upstream counted it somewhere between; a period after the answer it surely does no more."""
    budgets = Budgets(store)
    requests = [sent(budgets, SHORT) for _ in range(3)]
    for request in requests:  # in 1, 2 and 3 seconds
        clock.advance(seconds=1)
        budgets.settle([SHORT], request, answered=clock.steady())
    clock.advance(seconds=2.999999)
    assert admitted(budgets, SHORT, 3) == 0
    clock.advance(seconds=0.000001)
    assert admitted(budgets, SHORT, 3) == 1
    clock.advance(seconds=2)
    assert admitted(budgets, SHORT, 3) == 2


def test_answers_that_overtake_each_other_count_each_for_itself(store: Store, clock: ManualClock) -> None:
    """The last request may be answered first; its slot is the first to be free again."""
    budgets = Budgets(store)
    requests = list[Granted]()
    for _ in range(3):
        requests.append(sent(budgets, SHORT))
        clock.advance(seconds=0.1)
    for request in reversed(requests):
        budgets.settle([SHORT], request, answered=clock.steady())
        clock.advance(seconds=1)
    freed = list[int]()
    for _ in range(3):
        clock.advance(seconds=2 if not freed else 1)
        freed.append(admitted(budgets, SHORT, 3))
    assert freed == [1, 1, 1]


def test_time_that_the_settling_itself_took_is_not_counted(store: Store, clock: ManualClock) -> None:
    """A database that is busy when an answer comes keeps the next request waiting no longer for it."""
    budgets = Budgets(store)
    requests = [sent(budgets, SHORT) for _ in range(3)]
    clock.advance(seconds=1)
    answered = clock.steady()
    clock.advance(seconds=1)
    for request in requests:
        budgets.settle([SHORT], request, answered=answered)
    clock.advance(seconds=4)
    assert admitted(budgets, SHORT, 4) == 3


def test_a_sender_that_died_gives_its_slot_back(store: Store, clock: ManualClock) -> None:
    """Its request may have arrived; after five seconds it has, or never will, and counts for a period from then on."""
    dead, living = Budgets(store), Budgets(store)
    for _ in range(3):
        sent(dead, SHORT)
    clock.advance(seconds=9.999999)
    assert admitted(living, SHORT, 3) == 0
    clock.advance(seconds=0.000001)
    assert admitted(living, SHORT, 3) == 3


def test_whoever_waits_for_requests_that_are_under_way_comes_back_in_time(store: Store, clock: ManualClock) -> None:
    """They may be answered at once; waiting as if nobody ever answered them would cost five seconds each time."""
    budgets = Budgets(store)
    for _ in range(3):
        sent(budgets, SHORT)
    said = budgets.acquire([SHORT])
    assert isinstance(said, Denied)
    assert said.retry_at == clock.now() + timedelta(seconds=5)


def test_an_answer_that_comes_after_all_was_given_up_changes_nothing(store: Store, clock: ManualClock) -> None:
    """Its slot may be somebody else's by then."""
    budgets = Budgets(store)
    requests = [sent(budgets, SHORT) for _ in range(3)]
    clock.advance(seconds=10)
    assert admitted(budgets, SHORT, 3) == 3
    for request in requests:
        budgets.settle([SHORT], request, answered=clock.steady())
    clock.advance(seconds=5)
    assert admitted(budgets, SHORT, 3) == 3


def test_a_window_that_shares_stamps_waits_half_a_second_longer(store: Store, clock: ManualClock) -> None:
    """Of thousands of requests nobody can tell whose stamp it is, so that none is settled."""
    budgets = Budgets(store)
    said = budgets.acquire([COARSE], cost=2000, under_way_seconds=5)
    assert isinstance(said, Granted)
    budgets.settle([COARSE], said, answered=clock.steady())
    clock.advance(seconds=5.499999)
    assert admitted(budgets, COARSE, 1) == 0
    clock.advance(seconds=0.000001)
    assert admitted(budgets, COARSE, 1) == 1


def test_a_bucket_that_was_full_refills_from_the_answer_on(store: Store, clock: ManualClock) -> None:
    """The upstream's bucket was full until the request arrived, and so has refilled less than ours."""
    budgets = Budgets(store)
    first, second = sent(budgets, BUCKET), sent(budgets, BUCKET)
    clock.advance(seconds=2)
    budgets.settle([BUCKET], first, answered=clock.steady())
    budgets.settle([BUCKET], second, answered=clock.steady())
    clock.advance(seconds=9.9)
    assert admitted(budgets, BUCKET, 1) == 0
    clock.advance(seconds=0.1)
    assert admitted(budgets, BUCKET, 2) == 1


@pytest.mark.parametrize("seconds", [30, 3600])
def test_a_clock_that_is_set_forward_frees_nothing(database_url: str, clock: ManualClock, seconds: float) -> None:
    """A step is no time; also a process that begins after it knows that, by what the others left."""
    before, after = Store(database_url, clock=clock), Store(database_url, clock=clock)
    old = Budgets(before)
    assert admitted(old, MINUTE, 3) == 3
    clock.advance(seconds=10)
    clock.set_forward(seconds=seconds)
    new = Budgets(after)
    said = new.acquire([MINUTE])
    assert isinstance(said, Denied)
    assert said.wait_seconds == 50
    assert admitted(old, MINUTE, 1) == 0
    clock.advance(seconds=50)
    assert admitted(old, MINUTE, 4) == 3
    before.close()
    after.close()


def test_a_denial_that_was_before_the_clock_was_set_forward_is_decided_anew(store: Store, clock: ManualClock) -> None:
    """It was repeated from memory, and waiting as long as it said did not admit."""
    budgets, key = Budgets(store), BudgetKey(name="b", policy=SlidingWindow(limit=1, period_seconds=60, margin=0))
    assert isinstance(budgets.acquire([key]), Granted)
    assert isinstance(budgets.acquire([key]), Denied)
    clock.set_forward(seconds=45)
    again = budgets.acquire([key])
    assert isinstance(again, Denied)
    assert again.wait_seconds == 60
    clock.advance(seconds=again.wait_seconds)
    assert isinstance(budgets.acquire([key]), Granted)


def test_a_block_lasts_as_long_where_the_clock_is_set_forward(store: Store, clock: ManualClock) -> None:
    """The upstream asked for a minute, not for an instant of our clock."""
    budgets = Budgets(store)
    for keys in ([MINUTE], [DOOR]):
        assert isinstance(budgets.acquire(keys), Granted)
        budgets.block(keys, until=clock.now() + timedelta(seconds=60))
    clock.set_forward(seconds=45)
    said = budgets.acquire([DOOR, MINUTE])
    assert isinstance(said, Denied)
    assert said.wait_seconds == 60
    clock.advance(seconds=59)
    assert isinstance(budgets.acquire([DOOR]), Denied)
    clock.advance(seconds=1)
    assert isinstance(budgets.acquire([DOOR, MINUTE]), Granted)


def test_another_machine_judges_the_clock_by_what_it_has_seen(database_url: str, clock: ManualClock) -> None:
    """Steady clocks of two machines have nothing to do with each other; each notices a step, and it counts once."""
    here = Store(database_url, clock=clock)
    elsewhere_clock = ManualClock(clock.now())
    elsewhere = Store(database_url, clock=elsewhere_clock)
    ours, theirs = Budgets(here), Budgets(elsewhere)
    assert (admitted(ours, MINUTE, 1), admitted(theirs, MINUTE, 1), admitted(ours, MINUTE, 1)) == (1, 1, 1)
    for one in (clock, elsewhere_clock):  # the database's clock
        one.set_forward(seconds=45)
    for budgets in (theirs, ours, theirs):
        said = budgets.acquire([MINUTE])
        assert isinstance(said, Denied)
        assert said.wait_seconds == 60
    for one in (clock, elsewhere_clock):
        one.advance(seconds=60)
    assert admitted(theirs, MINUTE, 4) == 3
    here.close()
    elsewhere.close()


def test_a_step_of_less_than_a_second_is_believed(store: Store, clock: ManualClock) -> None:
    """Clocks drift, and two readings are never of the same moment."""
    budgets = Budgets(store)
    assert admitted(budgets, MINUTE, 3) == 3
    clock.advance(seconds=59.5)
    clock.set_forward(seconds=0.5)
    assert admitted(budgets, MINUTE, 3) == 3


@pytest.mark.parametrize("keys", [[SHORT], [DOOR, SHORT], [BUCKET]])
def test_an_admission_is_one_statement_on_postgresql(
    make_postgresql: object, clock: ManualClock, keys: list[BudgetKey]
) -> None:
    """Processes that read, decide and write over what they read lose to each other nine times of ten."""
    assert callable(make_postgresql)
    store = Store(str(make_postgresql()), clock=clock)
    budgets = Budgets(store)
    assert isinstance(budgets.acquire(keys), Granted)
    with counted(store) as said:
        granted = budgets.acquire(keys, under_way_seconds=5)
        assert isinstance(granted, Granted)
        assert len(said) == 1
        clock.advance(seconds=1)
        budgets.settle(keys, granted, answered=clock.steady())
    assert {statement.split()[0] for statement in said} == {"UPDATE"}
    store.close()


def test_what_one_statement_admits_counts_in_all_processes(make_postgresql: object, clock: ManualClock) -> None:
    """It is a short way to the same decision, not another budget."""
    assert callable(make_postgresql)
    stores = [Store(url, clock=clock) for url in [str(make_postgresql())] * 2]
    budgets = [Budgets(store) for store in stores]
    got = [admitted(one, SHORT, 1) for one in (*budgets, *budgets)]
    assert got == [1, 1, 1, 0]
    clock.advance(seconds=5)
    assert isinstance(budgets[0].acquire([SHORT], priority=Priority.LOW), Denied), (
        "the normal one that waits goes first"
    )
    assert isinstance(budgets[1].acquire([SHORT]), Granted)
    for store in stores:
        store.close()
