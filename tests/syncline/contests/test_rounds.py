"""Rounds: one follows the other without a gap, and an entry is in exactly one."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text
from support.contest import Contest

from flows.twitter_poller import TWITTER_POLLER
from syncline.clock import ManualClock
from syncline.contests import rounds
from syncline.contests.choosing import due_rounds
from syncline.contests.tables import RoundStatus
from syncline.model.session import Status
from syncline.store.engine import Store

HOUR = 3_600


def roll(store: Store, every_seconds: float | None = None) -> None:
    with store.write() as connection:
        rounds.roll(connection, now=store.clock.now(), every_seconds=every_seconds)


def numbers(store: Store) -> list[int]:
    with store.read() as connection:
        return [one.number for one in rounds.every(connection)]


def test_rounds_follow_each_other_without_a_gap(store: Store, clock: ManualClock) -> None:
    """A tweet of the last second belongs to one round, and one of the next second to the next."""
    roll(store, HOUR)
    clock.advance(seconds=HOUR - 1)
    roll(store, HOUR)
    assert numbers(store) == [1]
    clock.advance(seconds=1)
    roll(store, HOUR)
    with store.read() as connection:
        second, first = rounds.every(connection)
    assert first.ends_at == second.starts_at
    assert second.ends_at == first.starts_at + timedelta(hours=2)


def test_downtime_makes_one_long_round(store: Store, clock: ManualClock) -> None:
    """What was tweeted meanwhile has a round; there are no dozens of empty snapshots."""
    roll(store, HOUR)
    clock.advance(seconds=5.5 * HOUR)
    roll(store, HOUR)
    with store.read() as connection:
        second, first = rounds.every(connection)
    assert (second.number, second.starts_at, second.ends_at) == (2, first.ends_at, first.starts_at + timedelta(hours=6))


def test_without_a_length_a_round_goes_on_until_somebody_ends_it(store: Store, clock: ManualClock) -> None:
    """A contest that is run by hand must not end by itself."""
    roll(store)
    clock.advance(seconds=1_000 * HOUR)
    roll(store)
    assert numbers(store) == [1]
    with store.write() as connection:
        assert rounds.plan_end(connection, 1, clock.now() + timedelta(hours=1))
        assert not rounds.plan_end(connection, 2, clock.now())
    clock.advance(seconds=HOUR)
    roll(store)
    assert numbers(store) == [2, 1]
    with store.write() as connection:
        assert not rounds.plan_end(connection, 1, clock.now() + timedelta(hours=1)), "the next one has begun"


def test_a_tweet_belongs_to_the_round_in_which_it_was_written(any_contest: Contest) -> None:
    """It may be read a little later, when the next round is open already."""
    contest, clock, tweets = any_contest, any_contest.clock, any_contest.box.x.tweets
    contest.round_seconds = HOUR

    async def story() -> None:
        await contest.poll()
        clock.advance(seconds=HOUR - 60)
        last = tweets.add(2)
        clock.advance(seconds=120)
        first = tweets.add(3)
        await contest.poll()
        assert set(last) <= set(contest.entries(1))
        assert set(contest.entries(2)) == set(first)

    asyncio.run(story())
    assert len(contest.entries(1)) + len(contest.entries(2)) == len(tweets)


def test_a_round_that_is_over_is_frozen_when_its_last_tweets_are_read(contest: Contest) -> None:
    """X shows tweets late: a round that ended a moment ago is not complete yet."""
    clock = contest.clock
    contest.round_seconds = HOUR

    async def story() -> None:
        await contest.poll()
        clock.advance(seconds=HOUR + 30)
        await contest.poll()  # reads what X shows half a minute after the end: less than the lag of a minute
        assert await contest.freeze() is Status.COMPLETED
        assert contest.round().status is RoundStatus.OPEN
        clock.advance(seconds=30)
        await contest.poll()
        assert await contest.freeze() is Status.COMPLETED
        assert contest.round().status is RoundStatus.FROZEN

    asyncio.run(story())


@pytest.mark.parametrize(("after_minutes", "is_said"), [(14, False), (16, True)])
def test_a_round_that_waits_for_its_tweets_for_long_is_told_of(
    contest: Contest, after_minutes: int, *, is_said: bool
) -> None:
    """A poller that is paused keeps rounds from being frozen: the session says why."""
    contest.round_seconds = HOUR
    asyncio.run(contest.poll())
    contest.clock.advance(seconds=HOUR + 60 * after_minutes)
    due = due_rounds(contest.store, TWITTER_POLLER, round_seconds=HOUR)
    assert due.numbers == ()
    said = "round 1 is over, but twitter_poller has not read all of its tweets yet"
    assert due.overdue == (said if is_said else None)
    assert asyncio.run(contest.freeze()) is (Status.PARTIAL if is_said else Status.COMPLETED)
    assert contest.sessions("freeze_coordinator")[-1].reason == due.overdue


def test_a_tweet_that_is_read_after_its_round_was_closed_enters_the_next(contest: Contest) -> None:
    """No entry is lost because the round was frozen a minute after it was written."""
    contest.box.faults.add("status", path="/x/2/tweets", code=503, count=1)

    async def story() -> None:
        await contest.poll()
        (late,) = contest.box.x.tweets.add(1)
        contest.clock.advance(seconds=60)
        assert await contest.freeze(1) is Status.FAILED  # it is closed, and not frozen yet
        await contest.poll()
        assert set(contest.entries(2)) == {late}

    asyncio.run(story())


def test_freezing_by_hand_waits_for_nobody(contest: Contest) -> None:
    """`now` means what is there now; the round ends at that moment, and the next begins."""
    asyncio.run(contest.poll())
    contest.clock.advance(seconds=600)
    now = contest.clock.now()
    assert asyncio.run(contest.freeze(1)) is Status.COMPLETED
    assert contest.round().ends_at == now
    asyncio.run(contest.poll())
    assert contest.round(2).starts_at == now


BLOCKED = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


def test_an_end_that_is_set_while_the_next_round_is_opened_is_refused(
    make_postgresql: Callable[[], str], clock: ManualClock
) -> None:
    """Two rounds at once would have the same tweets; SQLite has one writer at a time."""
    store = Store(make_postgresql(), clock=clock)
    roll(store, HOUR)
    clock.advance(seconds=HOUR)
    said: list[bool] = []

    def end() -> None:
        with store.write() as connection:
            said.append(rounds.plan_end(connection, 1, clock.now() + timedelta(hours=2)))

    with ThreadPoolExecutor(1) as other:
        with store.write() as connection:
            rounds.roll(connection, now=clock.now(), every_seconds=HOUR)
            waiting = other.submit(end)
            while connection.execute(BLOCKED).scalar_one() == 0:
                assert not waiting.done()
        waiting.result(timeout=30)
    store.close()
    assert said == [False]


def test_a_length_that_is_set_later_ends_the_round_that_has_none(store: Store, clock: ManualClock) -> None:
    """A length that is set after the first poll holds for the round that is open already."""
    roll(store)
    clock.advance(seconds=2.5 * HOUR)
    roll(store, HOUR)
    with store.read() as connection:
        (one,) = rounds.every(connection)
    assert one.ends_at == one.starts_at + timedelta(hours=3)


def test_a_round_that_is_closed_by_hand_is_followed_at_once(contest: Contest) -> None:
    """A poll whose clock is a little behind still finds an open round."""

    async def story() -> None:
        await contest.poll()
        contest.box.faults.add("status", path="/x/2/tweets", code=503, count=1)
        await contest.freeze(1)
        contest.clock.advance(seconds=-30)
        contest.box.x.tweets.add(2)
        assert await contest.poll() is Status.COMPLETED

    asyncio.run(story())
    assert contest.round(2).status is RoundStatus.OPEN
    assert len(contest.entries(2)) == 2


def test_a_round_is_not_frozen_before_a_pass_that_began_behind_its_end(any_contest: Contest) -> None:
    """A pass that was interrupted goes on backwards: what was tweeted meanwhile lies before its first page."""
    contest, box = any_contest, any_contest.box
    contest.round_seconds = HOUR

    async def story() -> list[str]:
        await contest.poll()
        contest.clock.advance(seconds=HOUR - 200)
        box.x.tweets.add(250)
        box.x.settings = box.x.settings.changed({"mentions_limit": 2})  # the third page is refused
        contest.clock.advance(seconds=2)
        assert await contest.poll() is Status.DEFERRED
        late = box.x.tweets.add(3)
        box.x.settings = box.x.settings.changed({"mentions_limit": 100})
        contest.clock.advance(seconds=1_000)
        assert await contest.poll(retry=True) is Status.COMPLETED  # the rest of the pass that began before the end
        assert await contest.freeze() is Status.COMPLETED
        assert contest.round().status is RoundStatus.OPEN
        contest.clock.advance(seconds=120)
        await contest.poll()
        assert await contest.freeze() is Status.COMPLETED
        assert contest.round().status is RoundStatus.FROZEN
        return late

    assert set(asyncio.run(story())) <= set(contest.entries(1))
