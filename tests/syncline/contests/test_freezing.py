"""Freezing: every entry is checked once, the snapshot is made once, and nothing changes it."""

import asyncio
import json

import pytest
from support.contest import Contest

from flows.freeze_coordinator import FREEZE_COORDINATOR
from syncline.admission.admit import admit
from syncline.admission.due_run import DueRun
from syncline.contests import entries
from syncline.contests.tables import EntryStatus, RoundStatus
from syncline.errors import ConfigurationError
from syncline.model.policies import Mode
from syncline.model.session import Status, Trigger
from syncline.passes.closing import close
from syncline.store import rejects


def content(contest: Contest, number: int = 1) -> dict[str, EntryStatus]:
    """What the snapshot says of each entry."""
    snapshot = contest.snapshot(number)
    assert snapshot is not None
    return {one["tweet_id"]: EntryStatus(one["status"]) for one in json.loads(snapshot.content)["entries"]}


def test_a_round_is_frozen_as_x_is_at_that_moment(any_contest: Contest) -> None:
    """All entries are asked for, in batches of 50 with a second between, those that were gone before included."""
    contest, x = any_contest, any_contest.box.x

    async def story() -> None:
        await contest.poll()
        x.tweets.protect(x.tweets.authors[0])
        for tweet_id in x.tweets.public_ids()[:7]:
            x.tweets.delete(tweet_id)
        assert await contest.freeze(1) is Status.COMPLETED

    asyncio.run(story())
    assert content(contest) == contest.entries() == contest.truth()
    assert set(x.asked().values()) == {1}
    assert [len(lookup.ids) for lookup in x.lookups] == [50] * 5
    assert contest.pauses.count(1.0) == 4
    assert contest.round().status is RoundStatus.FROZEN


def test_the_progress_is_told_in_percent_with_the_timing_of_each_batch(contest: Contest) -> None:
    """An operator who waits for a freeze sees how far it is, and how long it will take."""
    asyncio.run(contest.poll())
    asyncio.run(contest.freeze(1))
    assert [(one.percent, one.batch, one.batches_left) for one in contest.progress] == [
        (20.0, 1, 4),
        (40.0, 2, 3),
        (60.0, 3, 2),
        (80.0, 4, 1),
        (100.0, 5, 0),
    ]
    assert [one.seconds_left for one in contest.progress] == [4.0, 3.0, 2.0, 1.0, 0.0]  # 1 s between, no time to answer
    assert contest.progress[1].sentence == (
        "round 1: 100 of 250 entries checked (40 %); batch 2 of 5 took 0.00 s; about 0:00:03 left"
    )


def test_mentions_that_come_while_it_is_frozen_enter_the_next_round(contest: Contest) -> None:
    """A round takes no entries that would not be checked."""

    async def story() -> None:
        await contest.poll()
        contest.clock.advance(seconds=120)
        contest.box.faults.add("status", path="/x/2/tweets", code=503, count=1)
        assert await contest.freeze(1) is Status.FAILED
        assert contest.round().status is RoundStatus.FREEZING
        late = contest.box.x.tweets.add(3)
        contest.clock.advance(seconds=120)
        await contest.poll()
        assert set(contest.entries(2)) == set(late)
        assert await contest.freeze(1) is Status.COMPLETED

    asyncio.run(story())
    assert len(content(contest)) == 250


def test_a_crash_costs_no_tweet_a_second_request(any_contest: Contest) -> None:
    """What was checked is stored batch by batch: the next run goes on behind it."""
    contest, x = any_contest, any_contest.box.x
    x.settings = x.settings.changed({"lookups_limit": 2})  # the third batch is refused for longer than our patience

    async def story() -> None:
        await contest.poll()
        assert await contest.freeze(1) is Status.DEFERRED
        assert len(x.lookups) == 2
        assert contest.snapshot() is None
        x.settings = x.settings.changed({"lookups_limit": 100})
        contest.clock.advance(seconds=1_000)
        assert await contest.freeze(1) is Status.COMPLETED

    asyncio.run(story())
    assert set(x.asked().values()) == {1}
    assert content(contest) == contest.truth()
    assert [one.percent for one in contest.progress] == [20.0, 40.0, 60.0, 80.0, 100.0]


def test_a_run_that_was_taken_over_stores_nothing_more(contest: Contest) -> None:
    """Two runs that freeze the same round would ask twice; the one whose session is closed ends."""

    async def story() -> None:
        await contest.poll()

        async def closed_meanwhile(seconds: float) -> None:
            del seconds
            (session,) = contest.sessions("freeze_coordinator")
            close(contest.store, session.id, Status.CANCELLED, reason="somebody else goes on")

        contest.sleep = closed_meanwhile
        with pytest.raises(Exception, match="no longer open"):
            await contest.freeze(1)

    asyncio.run(story())
    with contest.store.read() as connection:
        assert entries.count(connection, 1, finally_checked=True) == 50
    assert contest.snapshot() is None


def test_a_round_is_not_frozen_while_entries_could_not_be_checked(contest: Contest) -> None:
    """It says which, with what X said; the next run asks for those alone, and then freezes."""
    x = contest.box.x

    async def story() -> None:
        await contest.poll()
        riddle = x.tweets.public_ids()[10]
        x.problems[riddle] = "solar-flare"
        assert await contest.freeze(1) is Status.PARTIAL
        assert contest.snapshot() is None
        (session,) = contest.sessions("freeze_coordinator")
        assert session.reason is not None
        assert "round 1 is not frozen: 1 of 250 entries could not be checked: " + riddle in session.reason
        assert "solar-flare" in session.reason
        with contest.store.read() as connection:
            (kept,) = rejects.of_session(connection, session.id)
        assert kept.item_key == riddle
        x.problems.clear()
        contest.clock.advance(seconds=300)
        assert await contest.freeze(1) is Status.COMPLETED
        assert x.asked()[riddle] == 2
        assert sum(x.asked().values()) == 251

    asyncio.run(story())
    assert content(contest) == contest.truth()


def test_a_batch_that_goes_missing_without_a_word_gets_a_second_look(contest: Contest) -> None:
    """A snapshot cannot be mended afterwards: an outage of X must not empty it."""
    x = contest.box.x
    x.settings = x.settings.changed({"silent_part": 1.0})

    async def story() -> None:
        await contest.poll()
        oldest = sorted(contest.truth())[:49]  # all of the first batch but one
        for tweet_id in oldest:
            x.tweets.delete(tweet_id)
        assert await contest.freeze(1) is Status.COMPLETED
        assert {x.asked()[tweet_id] for tweet_id in oldest} == {2}

    asyncio.run(story())
    assert max(contest.pauses) >= 50  # a minute after the first look, of which the other batches took a part
    assert content(contest) == contest.truth()


def test_a_round_that_is_not_there_is_refused_in_one_line(contest: Contest) -> None:
    """A typing error opens no round and freezes none."""
    with pytest.raises(ConfigurationError, match="there is no round 7"):
        asyncio.run(contest.freeze(7))


def test_a_round_without_entries_is_frozen_as_well(contest: Contest) -> None:
    """A round without entries is frozen like any other."""
    contest.round_seconds = 3_600
    for tweet_id in contest.box.x.tweets.public_ids():
        contest.box.x.tweets.delete(tweet_id)

    async def story() -> None:
        await contest.poll()
        assert await contest.freeze(1) is Status.COMPLETED

    asyncio.run(story())
    assert content(contest) == {}
    assert not contest.box.x.lookups


def test_two_runs_never_freeze_at_once(contest: Contest) -> None:
    """The coordinator's tick and a freeze by hand meet: the second is skipped, with the reason on record."""
    asyncio.run(contest.poll())
    first = admit(contest.store, FREEZE_COORDINATOR, DueRun(trigger=Trigger.MANUAL, mode=Mode.INCREMENTAL))
    assert first.granted
    assert asyncio.run(contest.freeze(1)) is Status.SKIPPED


def test_two_batches_in_doubt_get_their_second_look_a_minute_after_the_last(contest: Contest) -> None:
    """Answers may take their time: none is asked for a third time, and the round is frozen."""
    x = contest.box.x
    x.settings = x.settings.changed({"silent_part": 1.0})

    async def slowly(seconds: float) -> None:
        contest.clock.advance(seconds=seconds + 19 if seconds == 1.0 else seconds)

    async def story() -> None:
        await contest.poll()
        for tweet_id in sorted(contest.truth())[:100]:
            x.tweets.delete(tweet_id)
        contest.sleep = slowly
        assert await contest.freeze(1) is Status.COMPLETED

    asyncio.run(story())
    assert max(x.asked().values()) == 2
    assert content(contest) == contest.truth()


def test_a_round_of_which_x_cannot_tell_keeps_no_other_and_no_webhook(any_contest: Contest) -> None:
    """Round 1 is sent again, and round 3 is frozen, though each lookup for round 2 is refused."""
    contest = any_contest

    async def story() -> None:
        await contest.poll()
        contest.box.inbox.fail(1)
        assert await contest.freeze(1) is Status.PARTIAL
        for number in (2, 3):
            contest.box.x.tweets.add(1)
            contest.clock.advance(seconds=1_000)
            await contest.poll()
            contest.box.faults.add("status", path="/x/2/tweets", code=400, count=1)
            assert await contest.freeze(number) is Status.FAILED
        contest.clock.advance(seconds=1_000)
        contest.box.faults.add("status", path="/x/2/tweets", code=400, count=1)
        assert await contest.freeze() is Status.FAILED

    asyncio.run(story())
    assert contest.round(1).pushed_at is not None
    assert [contest.round(number).status for number in (2, 3)] == [RoundStatus.FREEZING, RoundStatus.FROZEN]
