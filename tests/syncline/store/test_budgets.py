from datetime import timedelta

import pytest
from sqlalchemy import text

from syncline.clock import ManualClock
from syncline.errors import ConfigurationError, DatabaseUnavailableError
from syncline.model.budgets import BudgetKey, SlidingWindow, TokenBucket
from syncline.model.policies import Priority
from syncline.resilience.budget_state import Denied, Granted
from syncline.store.budgets import Budgets
from syncline.store.engine import Store

HOURLY = BudgetKey(name="airdrops:requests", policy=SlidingWindow(limit=60, period_seconds=3600, margin=0))
UPCOMING = BudgetKey(name="upcoming:requests", policy=SlidingWindow(limit=15, period_seconds=3600, margin=0))
MENTIONS = BudgetKey(name="x:mentions", policy=TokenBucket(capacity=10, refill_per_second=10 / 900))
DOOR = BudgetKey(name="x")


def admitted(budgets: Budgets, key: BudgetKey, times: int) -> int:
    return sum(isinstance(budgets.acquire([key]), Granted) for _ in range(times))


def test_requests_within_the_limit_pass(store: Store) -> None:
    """A budget that is not spent is in nobody's way."""
    assert admitted(Budgets(store), HOURLY, 60) == 60


def test_requests_beyond_the_limit_are_told_when_to_come_back(store: Store, clock: ManualClock) -> None:
    """The caller waits or defers; it need not guess, and nothing is reserved that it might not come for."""
    budgets = Budgets(store)
    admitted(budgets, UPCOMING, 15)
    clock.advance(seconds=600)
    said = budgets.acquire([UPCOMING])
    assert said == Denied(budget="upcoming:requests", retry_at=clock.now() + timedelta(seconds=3000), wait_seconds=3000)


def test_sources_have_limits_of_their_own(store: Store) -> None:
    """One feed that spent its budget does not stop the others."""
    budgets = Budgets(store)
    assert admitted(budgets, UPCOMING, 20) == 15
    assert admitted(budgets, HOURLY, 20) == 20


def test_the_window_resets_by_itself(store: Store, clock: ManualClock) -> None:
    """After an hour the whole budget is there again; nobody has to reset it."""
    budgets = Budgets(store)
    admitted(budgets, UPCOMING, 15)
    clock.advance(seconds=3600)
    assert admitted(budgets, UPCOMING, 20) == 15


def test_tokens_come_back_in_fractions(store: Store, clock: ManualClock) -> None:
    """The status shows 8.5 of 10; polling every 59 s instead of every 90 s loses nothing."""
    budgets = Budgets(store)
    admitted(budgets, MENTIONS, 3)
    clock.advance(seconds=135)
    usage = budgets.state(MENTIONS)
    assert (round(usage.tokens, 6), usage.capacity, round(usage.fraction, 6)) == (8.5, 10, 0.15)
    admitted(budgets, MENTIONS, 8)
    granted = 0
    for _ in range(240):
        clock.advance(seconds=59)
        granted += admitted(budgets, MENTIONS, 1)
    assert granted == int((0.5 + 240 * 59 / 90) // 1)


def test_looking_spends_nothing(store: Store) -> None:
    """A status page that is reloaded must not use up what the sync needs."""
    budgets = Budgets(store)
    assert [budgets.state(UPCOMING).tokens for _ in range(3)] == [15, 15, 15]


def test_a_block_holds_for_every_process_and_ends_at_its_time(database_url: str, clock: ManualClock) -> None:
    """What one process is told by a 429, the others need not find out by another one."""
    told, other = Store(database_url, clock=clock), Store(database_url, clock=clock)
    until = clock.now() + timedelta(seconds=90)
    Budgets(told).block([MENTIONS], until=until)
    Budgets(told).block([MENTIONS], until=until - timedelta(seconds=60))
    said = Budgets(other).acquire([MENTIONS])
    assert isinstance(said, Denied)
    assert said.retry_at == until
    assert Budgets(other).state(MENTIONS).blocked_until > 0
    clock.advance(seconds=90)
    assert isinstance(Budgets(other).acquire([MENTIONS]), Granted)
    told.close()
    other.close()


def test_a_shut_door_stops_what_no_budget_pays_for(store: Store, clock: ManualClock) -> None:
    """An upstream without declared budgets can ask to slow down as well; its door costs nothing while it is open."""
    budgets = Budgets(store)
    assert isinstance(budgets.acquire([DOOR, MENTIONS]), Granted)
    budgets.block([DOOR], until=clock.now() + timedelta(seconds=5))
    before = budgets.state(MENTIONS).tokens
    said = budgets.acquire([DOOR, MENTIONS])
    assert isinstance(said, Denied)
    assert said.budget == "x"
    assert budgets.state(MENTIONS).tokens == before
    clock.advance(seconds=5)
    assert isinstance(budgets.acquire([DOOR, MENTIONS]), Granted)


def test_an_upstream_that_says_less_is_left_is_believed(store: Store, clock: ManualClock) -> None:
    """Another program spends from the same quota; going by our own count alone would earn 429s."""
    budgets = Budgets(store)
    budgets.learn(MENTIONS, remaining=2, until=clock.now() + timedelta(seconds=300))
    assert admitted(budgets, MENTIONS, 5) == 2
    said = budgets.acquire([MENTIONS])
    assert isinstance(said, Denied)
    assert said.retry_at == clock.now() + timedelta(seconds=300)


def test_an_upstream_that_says_more_is_left_is_not_believed(store: Store, clock: ManualClock) -> None:
    """Headers may speak of another bucket; our own policy stands in any case."""
    budgets = Budgets(store)
    admitted(budgets, MENTIONS, 9)
    budgets.learn(MENTIONS, remaining=500, until=clock.now() + timedelta(seconds=300))
    assert admitted(budgets, MENTIONS, 5) == 1


def test_an_answer_that_comes_late_does_not_raise_what_is_left(store: Store, clock: ManualClock) -> None:
    """Answers overtake each other; the smaller number is the truer one, until the quota begins anew."""
    budgets, until = Budgets(store), clock.now() + timedelta(seconds=300)
    budgets.learn(MENTIONS, remaining=1, until=until)
    budgets.learn(MENTIONS, remaining=4, until=until)
    assert admitted(budgets, MENTIONS, 5) == 1
    clock.advance(seconds=300)
    budgets.learn(MENTIONS, remaining=4, until=clock.now() + timedelta(seconds=300))
    assert admitted(budgets, MENTIONS, 5) == 4


def test_a_priority_that_waits_is_known_to_other_processes(database_url: str, clock: ManualClock) -> None:
    """A low sync on one machine gives way to a high one on another."""
    here, there = Store(database_url, clock=clock), Store(database_url, clock=clock)
    admitted(Budgets(here), MENTIONS, 10)
    said = Budgets(here).acquire([MENTIONS], priority=Priority.HIGH)
    assert isinstance(said, Denied)
    clock.advance(seconds=said.wait_seconds)
    assert isinstance(Budgets(there).acquire([MENTIONS], priority=Priority.LOW), Denied)
    assert isinstance(Budgets(here).acquire([MENTIONS], priority=Priority.HIGH), Granted)
    here.close()
    there.close()


def test_a_request_that_no_budget_can_ever_pay_is_refused(store: Store) -> None:
    """Waiting for it would take for ever."""
    with pytest.raises(ConfigurationError, match="costs 11, but the budget x:mentions holds 10"):
        Budgets(store).acquire([MENTIONS], cost=11)


def test_a_denial_writes_nothing_but_that_somebody_waits(store: Store) -> None:
    """Under load most answers are denials; if they wrote, they would stand in each other's way."""
    budgets = Budgets(store)
    admitted(budgets, UPCOMING, 16)
    version = "SELECT version FROM budgets"
    with store.read() as connection:
        before = connection.execute(text(version)).scalar()
    assert admitted(budgets, UPCOMING, 50) == 0
    with store.read() as connection:
        assert connection.execute(text(version)).scalar() == before


def test_a_clock_far_ahead_blocks_nobody_for_long(store: Store, clock: ManualClock) -> None:
    """A machine that believed itself in the next year must not shut the budget until then."""
    budgets = Budgets(store)
    clock.advance(seconds=366 * 86_400)
    admitted(budgets, UPCOMING, 15)
    clock.advance(seconds=-366 * 86_400)
    assert isinstance(budgets.acquire([UPCOMING]), Denied)
    clock.advance(seconds=3600)
    assert admitted(budgets, UPCOMING, 20) == 15


def test_a_database_that_is_gone_is_named(clock: ManualClock) -> None:
    """The message says what cannot be reached, without the password."""
    gone = Store("postgresql+psycopg://anna:secret@127.0.0.1:1/nothing", clock=clock)
    with pytest.raises(DatabaseUnavailableError, match=r"127\.0\.0\.1:1/nothing") as caught:
        Budgets(gone).acquire([MENTIONS])
    assert "secret" not in str(caught.value)
    gone.close()


def test_a_connection_that_was_cut_is_opened_again(make_postgresql: object, clock: ManualClock) -> None:
    """A database server that restarts costs one attempt, not the run."""
    assert callable(make_postgresql)
    store = Store(str(make_postgresql()), clock=clock)
    budgets = Budgets(store)
    budgets.acquire([MENTIONS])
    with store.write() as connection:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        cut = connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))  # noqa: S608 - its own words
        assert cut.fetchall() == [(True,)]
    assert isinstance(budgets.acquire([MENTIONS]), Granted)
    store.close()


def test_a_bucket_behind_a_window_shows_what_is_on_its_way_back(store: Store, clock: ManualClock) -> None:
    """So `x_api_status` shows 8.5 of 10: eight may be sent, and half of the wait for the ninth is over."""
    wall = SlidingWindow(limit=10, period_seconds=900, margin=0)
    mentions = BudgetKey(name="x:mentions", policy=TokenBucket(capacity=10, refill_per_second=10 / 900, wall=wall))
    budgets = Budgets(store)
    assert budgets.state(mentions).tokens == 10
    admitted(budgets, mentions, 2)
    clock.advance(seconds=450)
    assert round(budgets.state(mentions).tokens, 3) == 8.5
    assert admitted(budgets, mentions, 10) == 8
    assert 0 < budgets.state(mentions).tokens < 1
    assert admitted(budgets, mentions, 1) == 0
