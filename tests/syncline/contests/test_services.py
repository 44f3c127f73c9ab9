"""Polling, validating, sweeping: what becomes of entries, and what it costs."""

import asyncio

from sqlmodel import Session, select
from support.contest import Contest, counted

from syncline.contests import entries as stored
from syncline.contests.tables import EntryStatus, Tweet
from syncline.model.session import Status, Tally
from syncline.store import rejects


def test_mentions_become_entries_of_the_open_round_once(any_contest: Contest) -> None:
    """Each tweet is one entry, however often it is read; what is new comes with the next poll."""
    contest = any_contest

    async def story() -> None:
        assert await contest.poll() is Status.COMPLETED
        assert set(contest.entries()) == set(contest.truth())
        contest.clock.advance(seconds=120)
        contest.box.x.tweets.add(3)
        assert await contest.poll() is Status.COMPLETED
        assert set(contest.entries()) == set(contest.truth())

    asyncio.run(story())
    first, second = contest.sessions("twitter_poller")
    assert (first.items_created, second.items_created, second.requests) == (250, 3, 1)


def test_a_poll_that_died_before_entering_is_made_up_for(contest: Contest) -> None:
    """The tweets are stored page by page, the entries at the end: nothing lies between them for good."""
    asyncio.run(contest.poll())
    with contest.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM entries")
    contest.clock.advance(seconds=120)
    asyncio.run(contest.poll())
    assert set(contest.entries()) == set(contest.truth())


def test_validation_goes_round_all_entries(any_contest: Contest) -> None:
    """250 entries are two batches and a half; the third run begins again with those that were first."""
    contest = any_contest

    async def story() -> None:
        await contest.poll()
        for _ in range(3):
            contest.clock.advance(seconds=180)
            assert await contest.validate() is Status.COMPLETED

    asyncio.run(story())
    asked = contest.box.x.asked()
    assert set(asked) == set(contest.truth())
    assert sorted(asked.values()) == [1] * 200 + [2] * 50
    assert [len(lookup.ids) for lookup in contest.box.x.lookups] == [100, 100, 100]


def test_what_is_deleted_or_protected_is_found_and_counted(any_contest: Contest) -> None:
    """Deletions and protections are told apart: a protected tweet may come back, and then counts again."""
    contest, x = any_contest, any_contest.box.x

    async def story() -> None:
        await contest.poll()
        x.tweets.protect(x.tweets.authors[0])
        for tweet_id in x.tweets.public_ids()[:7]:
            x.tweets.delete(tweet_id)
        for _ in range(3):
            contest.clock.advance(seconds=180)
            await contest.validate()

    asyncio.run(story())
    assert contest.entries() == contest.truth()
    tally = sum(map(counted, contest.sessions("validate_entries")), Tally())
    protected = sum(status is EntryStatus.PROTECTED for status in contest.truth().values())
    assert protected
    assert (tally.processed, tally.deleted, tally.updated) == (300, 7, protected)
    assert (tally.unchanged, tally.requests) == (300 - 7 - protected, 3)


def test_what_a_deleted_tweet_said_is_kept_no_longer_than_x_keeps_it(any_contest: Contest) -> None:
    """X's terms want a deleted tweet's text gone; that it was an entry stays on record."""
    contest = any_contest

    async def story() -> None:
        await contest.poll()
        gone = contest.box.x.tweets.public_ids()[3]
        contest.box.x.tweets.delete(gone)
        contest.clock.advance(seconds=180)
        await contest.sweep()
        with contest.store.read() as connection:
            kept = {tweet.id for tweet in Session(connection).exec(select(Tweet))}
        assert set(contest.entries()) - kept == {gone}
        contest.clock.advance(seconds=120)
        await contest.poll()
        assert contest.entries()[gone] is EntryStatus.DELETED

    asyncio.run(story())


def test_the_sweep_finds_deletions_among_the_newest_first(contest: Contest) -> None:
    """One sweep is enough for a tweet that was deleted a minute after it was written."""
    x = contest.box.x

    async def story() -> None:
        await contest.poll()
        x.tweets.delete(x.tweets.public_ids()[0])
        x.tweets.delete(x.tweets.public_ids()[98])
        contest.clock.advance(seconds=180)
        assert await contest.sweep() is Status.COMPLETED

    asyncio.run(story())
    assert contest.entries() == contest.truth()
    (lookup,) = x.lookups
    assert lookup.ids == sorted(contest.truth(), key=int, reverse=True)[:100]


def test_the_sweep_leaves_out_what_was_just_validated(contest: Contest) -> None:
    """Two services that share a budget do not ask the same thing twice."""

    async def story() -> None:
        await contest.poll()
        contest.clock.advance(seconds=180)
        await contest.sweep()
        contest.clock.advance(seconds=60)
        await contest.sweep()

    asyncio.run(story())
    assert set(contest.box.x.asked().values()) == {1}
    assert [session.items_processed for session in contest.sessions("fast_delete_sweep")] == [100, 100]


def test_without_entries_x_is_not_asked(contest: Contest) -> None:
    """A service with nothing to do spends nothing."""
    assert asyncio.run(contest.validate()) is Status.COMPLETED
    assert not contest.box.x.lookups


def test_an_outage_that_shows_nothing_deletes_nothing(contest: Contest) -> None:
    """X says nothing of any tweet: it is believed at the second look, in the next run, and not before."""
    x = contest.box.x
    x.settings = x.settings.changed({"silent_part": 1.0})

    async def story() -> None:
        await contest.poll()
        hidden = sorted(contest.truth(), key=int, reverse=True)[:99]  # an answer that shows one of a hundred
        for tweet_id in hidden:
            x.tweets.delete(tweet_id)
        contest.clock.advance(seconds=180)
        await contest.sweep()
        assert set(contest.entries().values()) == {EntryStatus.PUBLIC}
        x.tweets.deleted.clear()  # it was but an outage
        contest.clock.advance(seconds=180)
        await contest.sweep()
        assert set(contest.entries().values()) == {EntryStatus.PUBLIC}
        for tweet_id in hidden:
            x.tweets.delete(tweet_id)
        for _ in range(2):
            contest.clock.advance(seconds=180)
            await contest.sweep()

    asyncio.run(story())
    assert contest.entries() == contest.truth()


def test_a_broken_answer_fails_the_run_and_changes_nothing(contest: Contest) -> None:
    """What X said is stored whole or not at all."""
    contest.box.faults.add("status", path="/x/2/tweets", code=503, count=1)

    async def story() -> None:
        await contest.poll()
        contest.clock.advance(seconds=180)
        assert await contest.validate() is Status.FAILED

    asyncio.run(story())
    with contest.store.read() as connection:
        assert all(entry.checked_at is None for entry in stored.of_round(connection, 1))
    (session,) = contest.sessions("validate_entries")
    assert (session.items_processed, session.error_type) == (0, "UnavailableError")
    with contest.store.read() as connection:
        assert not rejects.of_session(connection, session.id)


def test_an_edited_tweet_stays_one_entry(any_contest: Contest) -> None:
    """X gives each edit an id of its own, which the next poll reads as new; an edited tweet must not count twice."""
    contest, tweets = any_contest, any_contest.box.x.tweets

    async def story() -> None:
        await contest.poll()
        (first,) = tweets.add(1)
        contest.clock.advance(seconds=120)
        await contest.poll()
        second = tweets.edit(first, "@syncline with fewer typing errors")
        third = tweets.edit(second, "@syncline with none")
        unseen = tweets.edit(tweets.add(1)[0], "@syncline edited before anybody saw it")
        contest.clock.advance(seconds=120)
        await contest.poll()
        again = tweets.edit(unseen, "@syncline and once more")
        contest.clock.advance(seconds=120)
        await contest.poll()
        assert {first, second, third, unseen, again} & set(contest.entries()) == {first, unseen}
        tweets.delete(third)
        contest.clock.advance(seconds=180)
        await contest.sweep()
        assert contest.entries()[first] is EntryStatus.DELETED
        with contest.store.read() as connection:
            kept = {tweet.id for tweet in Session(connection).exec(select(Tweet))}
        assert not {first, second, third} & kept

    asyncio.run(story())


def test_a_clock_that_was_ahead_costs_nobody_an_entry(contest: Contest) -> None:
    """One machine of several, or one before its clock was set: what is stored afterwards is entered all the same."""

    async def story() -> None:
        await contest.poll()
        contest.clock.advance(seconds=600)
        contest.box.x.tweets.add(1)
        await contest.poll()
        contest.clock.advance(seconds=-300)
        contest.box.x.tweets.add(5)
        contest.clock.advance(seconds=120)
        await contest.poll()
        assert set(contest.entries()) == set(contest.truth())

    asyncio.run(story())


def test_few_entries_are_not_believed_gone_because_nothing_was_said(contest: Contest) -> None:
    """A contest of nine has as much to lose as one of a thousand."""
    x = contest.box.x
    x.settings = x.settings.changed({"silent_part": 1.0})

    async def story() -> None:
        for tweet_id in x.tweets.public_ids()[9:]:
            x.tweets.delete(tweet_id)
        await contest.poll()
        for tweet_id in x.tweets.public_ids():
            x.tweets.delete(tweet_id)
        contest.clock.advance(seconds=180)
        await contest.sweep()
        assert set(contest.entries().values()) == {EntryStatus.PUBLIC}
        contest.clock.advance(seconds=180)
        await contest.sweep()
        assert set(contest.entries().values()) == {EntryStatus.DELETED}

    asyncio.run(story())
