"""Pushing: a snapshot is sent until it is accepted, each time as the same webhook."""

import asyncio
from datetime import timedelta

from support.contest import Contest

from syncline.contests.pushing import ask_again
from syncline.model.session import Status


def frozen(contest: Contest) -> None:
    asyncio.run(contest.poll())
    assert asyncio.run(contest.freeze(1)) in {Status.COMPLETED, Status.PARTIAL}


def test_a_frozen_round_is_told_of_once(any_contest: Contest) -> None:
    """The receiver verifies the signature; the webhook holds the content as it is stored."""
    contest = any_contest
    frozen(contest)
    contest.clock.advance(seconds=300)
    asyncio.run(contest.freeze())
    (delivery,) = contest.box.inbox.deliveries
    snapshot = contest.snapshot()
    assert snapshot is not None
    assert (delivery.status, delivery.problem) == (204, None)
    assert delivery.body["type"] == "round.frozen"
    assert delivery.body["data"]["content_hash"] == snapshot.content_hash
    assert len(delivery.body["data"]["snapshot"]["entries"]) == 250
    assert contest.round().pushed_at is not None


def test_a_receiver_that_is_away_is_asked_again_with_growing_waits(contest: Contest) -> None:
    """The same id each time, so that a receiver recognises a repetition."""
    contest.box.inbox.fail(3)
    frozen(contest)
    (session,) = contest.sessions("freeze_coordinator")
    assert session.status is Status.PARTIAL
    assert "the snapshot of round 1 was not accepted" in (session.reason or "")
    waits: list[timedelta] = []
    while contest.round().pushed_at is None:
        retry_at = contest.round().push_retry_at
        assert retry_at is not None
        waits.append(retry_at - contest.clock.now())
        contest.clock.advance(seconds=waits[-1].total_seconds() - 1)
        asyncio.run(contest.freeze())
        contest.clock.advance(seconds=1)
        asyncio.run(contest.freeze())
    assert waits == [timedelta(minutes=5), timedelta(minutes=10), timedelta(minutes=20)]
    assert list(contest.box.inbox.times().values()) == [4]
    assert (contest.round().push_attempts, contest.round().push_error) == (4, None)


def test_a_receiver_that_is_gone_for_good_is_left_alone(contest: Contest) -> None:
    """410 Gone says: send no more. Freezing the round again sends its webhook, and does nothing else."""
    contest.box.inbox.fail(1, status=410)
    frozen(contest)
    assert contest.round().push_retry_at is None
    contest.clock.advance(seconds=86_400)
    asyncio.run(contest.freeze())
    assert len(contest.box.inbox.deliveries) == 1
    ask_again(contest.store, 1)
    asyncio.run(contest.freeze(1))
    assert contest.round().pushed_at == contest.clock.now()


def test_nobody_is_asked_for_ever(contest: Contest) -> None:
    """Twelve times in a day and a half; then the record says that it was given up, and why."""
    contest.box.inbox.fail(100)
    frozen(contest)
    began = contest.clock.now()
    while (retry_at := contest.round().push_retry_at) is not None:
        contest.clock.advance(seconds=(retry_at - contest.clock.now()).total_seconds())
        asyncio.run(contest.freeze())
    assert contest.round().push_attempts == 12
    assert timedelta(hours=30) < contest.clock.now() - began < timedelta(hours=48)
    assert "503" in (contest.round().push_error or "")
    assert "it is not sent again by itself" in (contest.sessions("freeze_coordinator")[-1].reason or "")
