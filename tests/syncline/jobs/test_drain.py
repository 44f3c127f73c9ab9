"""A drain, whatever its connector does."""

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import text
from support.account_sync import Does, Script, complete, drain_dry, queue, written
from support.jobs import (
    SOURCE,
    add_accounts,
    all_jobs,
    enqueue,
    fill_accounts,
    now_us,
    sessions_of,
    wanted,
)

from syncline.clock import ManualClock
from syncline.errors import DeferredError
from syncline.jobs.drain import DrainLimits
from syncline.jobs.work import Ended, Work
from syncline.model.account import AccountState
from syncline.model.job import JobStatus
from syncline.model.policies import Priority
from syncline.model.session import Status
from syncline.store import job_sweeps
from syncline.store.engine import Store

NAMES = ("a", "b", "c")


async def raising(script: Script, works: Sequence[Work]) -> AsyncIterator[Ended]:
    yield script.end(works[0])
    raise KeyError("it broke")


async def waiting(script: Script, works: Sequence[Work]) -> AsyncIterator[Ended]:
    yield script.end(works[0])
    raise DeferredError("the budget is spent", retry_at=script.store.clock.now())


async def hanging(script: Script, works: Sequence[Work]) -> AsyncIterator[Ended]:
    yield script.end(works[0])
    await asyncio.get_running_loop().create_future()


async def timing_out(script: Script, works: Sequence[Work]) -> AsyncIterator[Ended]:
    yield script.end(works[0])
    raise TimeoutError("the upstream took too long")


async def silent(script: Script, works: Sequence[Work]) -> AsyncIterator[Ended]:
    yield script.end(works[0])


async def nothing(script: Script, works: Sequence[Work]) -> AsyncIterator[Ended]:
    for ended in [script.end(work) for work in works[:0]]:
        yield ended


async def doubled(script: Script, works: Sequence[Work]) -> AsyncIterator[Ended]:
    for work in [*works, *works]:
        yield script.end(work)


async def of_others(script: Script, works: Sequence[Work]) -> AsyncIterator[Ended]:
    yield script.end(replace(works[0], job=replace(works[0].job, id=works[0].job.id + 1_000)))
    yield script.end(works[0])


@pytest.mark.parametrize(
    ("does", "good", "other", "reason"),
    [
        (raising, 1, Status.FAILED, "KeyError: 'it broke'"),
        (timing_out, 1, Status.FAILED, "the upstream took too long"),
        (hanging, 1, Status.FAILED, "the sync took longer than 0.05 s"),
        (silent, 1, Status.FAILED, f"RuntimeError: the connector of {SOURCE} gave no end for this account"),
        (nothing, 0, Status.FAILED, f"RuntimeError: the connector of {SOURCE} gave no end for this account"),
        (of_others, 1, Status.FAILED, f"RuntimeError: the connector of {SOURCE} gave no end for this account"),
        (doubled, 3, None, None),
        (complete, 3, None, None),
    ],
)
def test_each_job_comes_to_one_end(
    sqlite_store: Store, does: Does, good: int, other: Status | None, reason: str | None
) -> None:
    """What has an end keeps it; the others fail with what befell them, and are tried again."""
    queue(sqlite_store, *NAMES)
    done, _ = drain_dry(sqlite_store, does, limits=DrainLimits(batch_seconds=0.05, stop_seconds=0.1))
    expected = {Status.COMPLETED: good} | ({} if other is None else {other: 3 - good})
    assert done.outcomes == {status: number for status, number in expected.items() if number}
    assert sum(written(sqlite_store).values()) == good
    assert {one.reason for one in sessions_of(sqlite_store)} == (set() if reason is None else {reason})
    waits = [(job.status, job.retry_count) for job in all_jobs(sqlite_store)]
    assert waits == [(JobStatus.QUEUED, 1)] * (3 - good)
    assert {job.owner for job in all_jobs(sqlite_store)} <= {None}


def test_a_budget_that_is_spent_defers(sqlite_store: Store, clock: ManualClock) -> None:
    """It is nobody's failure, and the job goes on at the instant that the budget names."""

    async def once(script: Script, works: Sequence[Work]) -> AsyncIterator[Ended]:
        if len(script.given) == 1:
            async for ended in waiting(script, works):
                yield ended
        async for ended in complete(script, works):
            yield ended

    queue(sqlite_store, *NAMES)
    done, script = drain_dry(sqlite_store, once)
    assert done.outcomes == {Status.COMPLETED: 3, Status.DEFERRED: 2}
    assert [len(given) for given in script.given] == [3, 2]
    assert all_jobs(sqlite_store) == []


def test_rows_that_cannot_be_written_harm_no_other_account(store: Store) -> None:
    """The transaction of all is begun anew, each end on its own; the bad one is a failure like any other."""

    async def bad_rows(script: Script, works: Sequence[Work]) -> AsyncIterator[Ended]:
        def write(connection: object) -> object:
            return connection.execute(text("INSERT INTO accounts (id) VALUES ('x')"))  # type: ignore[attr-defined]

        for work in works:
            is_bad = work.account.external_id == "b"
            yield replace(script.end(work), write=write) if is_bad else script.end(work)

    queue(store, *NAMES)
    done, _ = drain_dry(store, bad_rows)
    assert done.outcomes == {Status.COMPLETED: 2, Status.FAILED: 1}
    assert written(store) == {"a": 1, "b": 0, "c": 1}
    (session,) = sessions_of(store)
    assert (session.account_id, session.error_type) == ("acc_b", "IntegrityError")


def test_an_account_that_was_set_aside_is_skipped_and_one_that_is_gone_leaves_nothing(sqlite_store: Store) -> None:
    """Its job was queued before; nothing is asked of its upstream."""
    add_accounts(sqlite_store, "paused", state=AccountState.PAUSED, state_reason="on holiday")
    enqueue(sqlite_store, wanted("paused", 1), wanted("gone", 1))
    done, script = drain_dry(sqlite_store)
    assert (script.given, done.outcomes, all_jobs(sqlite_store)) == ([], {Status.SKIPPED: 1}, [])
    assert [one.reason for one in sessions_of(sqlite_store)] == ["the account is paused: on holiday"]


def test_a_user_alone_gets_whole_claims_and_beside_others_a_share(sqlite_store: Store) -> None:
    """Two of ten for who has hundreds while others wait; once nobody does, a claim is not left empty."""
    add_accounts(sqlite_store, *(f"h{number}" for number in range(30)), user_id="hog")
    add_accounts(sqlite_store, "x", "y")
    enqueue(sqlite_store, *(wanted(f"h{number}", number, user_id="hog") for number in range(30)))
    enqueue(sqlite_store, wanted("x", 100), wanted("y", 101))
    _, script = drain_dry(sqlite_store, limits=DrainLimits(claim=10, most_claimed=10))
    assert [len(given) for given in script.given] == [10, 10, 10, 2]
    assert {"x", "y"} <= set(script.given[0])


def test_a_drain_sees_what_is_queued_for_an_instant_long_past(sqlite_store: Store, clock: ManualClock) -> None:
    """It reads from where it saw the first job last; what a sweep finds after a standstill may lie before that."""

    async def queues_more(script: Script, works: Sequence[Work]) -> AsyncIterator[Ended]:
        if len(script.given) == 1:
            enqueue(sqlite_store, wanted("late", now_us(sqlite_store) - 3_600_000_000))
        async for ended in complete(script, works):
            yield ended

    queue(sqlite_store, "a")
    add_accounts(sqlite_store, "late")
    _, script = drain_dry(sqlite_store, queues_more)
    assert script.given == [["a"], ["late"]]


def test_memory_is_flat_over_twenty_thousand_jobs(sqlite_store: Store) -> None:
    """A drain lives for weeks: what it has ended it forgets."""
    fill_accounts(sqlite_store, 20_000, first_due_us=now_us(sqlite_store) - 30_000, step_us=1)
    counts: list[int] = []

    async def counted(script: Script, works: Sequence[Work]) -> AsyncIterator[Ended]:
        if len(script.given) in {20, 200}:
            gc.collect()
            counts.append(len(gc.get_objects()))
            script.given[:] = [[]] * len(script.given)
        for work in works:
            yield script.end(work, writes=False)

    now = sqlite_store.clock.now()
    due = job_sweeps.Due(source=SOURCE, now=now, until=now, stale_seconds=9_999, active_seconds=9_999)
    with sqlite_store.write() as connection:
        first_half = job_sweeps.queue_due(connection, due)
        job_sweeps.queue_due(connection, due, after=first_half.after)
    done, _ = drain_dry(sqlite_store, counted)
    assert done.jobs == 20_000
    first, last = counts
    assert last - first < 5_000, "so many objects more after 18,000 further jobs"


def test_lanes_wait_for_no_other(sqlite_store: Store) -> None:
    """A source that may not be claimed from now stands before no other; high goes before low."""
    add_accounts(sqlite_store, "a", "b", source="other")
    add_accounts(sqlite_store, "low", "high")
    enqueue(sqlite_store, wanted("a", 1, source="other", priority=Priority.HIGH), wanted("low", 1))
    enqueue(sqlite_store, wanted("high", 5, priority=Priority.HIGH))
    _, script = drain_dry(sqlite_store, limits=DrainLimits(claim=1, most_claimed=1))
    assert script.given == [["high"], ["low"]]
    assert [job.account_id for job in all_jobs(sqlite_store)] == ["acc_a"]
