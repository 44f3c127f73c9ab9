"""Drains that stop, stand still, lose what they have, and share the work."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from support.account_sync import Script, complete, drain_dry, drain_of, queue, until, written
from support.jobs import add_accounts, all_jobs, enqueue, now_us, sessions_of, wanted

from syncline.clock import ManualClock
from syncline.jobs.drain import Drained, DrainLimits
from syncline.jobs.work import Ended, Work
from syncline.model.job import JobStatus
from syncline.model.session import Status
from syncline.store.engine import Store
from syncline.store.job_wake import bell_of

NAMES = ("a", "b", "c")


async def hanging(script: Script, works: Sequence[Work]) -> AsyncIterator[Ended]:
    yield script.end(works[0])
    await asyncio.get_running_loop().create_future()


def test_a_drain_that_is_told_to_stop_gives_back_what_it_has_not_ended(store: Store) -> None:
    """At once, with its retries as they were: another drain takes it."""
    queue(store, *NAMES)

    async def run() -> tuple[Drained, Script]:
        script, stopping = Script(store=store, does=hanging), asyncio.Event()
        async with bell_of(store) as bell:
            running = asyncio.create_task(drain_of(store, script, bell=bell).run(stopping))
            await script.begun.wait()
            stopping.set()
            return await running, script

    done, _ = asyncio.run(run())
    assert (done.outcomes, done.given_back) == ({Status.COMPLETED: 1}, 2)
    assert [(job.status, job.owner, job.retry_count, job.crashes) for job in all_jobs(store)] == [
        (JobStatus.QUEUED, None, 0, 0)
    ] * 2
    again, _ = drain_dry(store)
    assert again.outcomes == {Status.COMPLETED: 2}
    assert set(written(store).values()) == {1}


def test_a_lease_is_kept_while_the_work_is_slow(sqlite_store: Store) -> None:
    """Else another drain would do it a second time; the lease outlives what it was when it was claimed."""
    queue(sqlite_store, "a")
    before: list[int] = []

    async def slow(script: Script, works: Sequence[Work]) -> AsyncIterator[Ended]:
        first = all_jobs(sqlite_store)[0].lease_us or 0
        sqlite_store.clock.advance(seconds=30)  # type: ignore[attr-defined]
        await until(lambda: all_jobs(sqlite_store)[0].lease_us != first)
        before.append((all_jobs(sqlite_store)[0].lease_us or 0) - first)
        async for ended in complete(script, works):
            yield ended

    done, _ = drain_dry(sqlite_store, slow, limits=DrainLimits(lease_seconds=0.3, stop_seconds=0.1))
    assert before == [30_000_000]
    assert (done.outcomes, done.late) == ({Status.COMPLETED: 1}, 0)


def test_an_end_after_the_lease_has_expired_is_late(sqlite_store: Store, clock: ManualClock) -> None:
    """Another drain has taken the job over meanwhile; its rows alone are written."""
    queue(sqlite_store, "a")

    async def stands_still(script: Script, works: Sequence[Work]) -> AsyncIterator[Ended]:
        clock.advance(seconds=61)
        other, _ = await asyncio.to_thread(drain_dry, sqlite_store)
        assert (other.crashed, other.outcomes) == (1, {Status.COMPLETED: 1})
        async for ended in complete(script, works):
            yield ended

    done, _ = drain_dry(sqlite_store, stands_still)
    assert (done.late, done.outcomes, written(sqlite_store)) == (1, {}, {"a": 1})
    assert sorted(one.status for one in sessions_of(sqlite_store)) == [Status.CANCELLED, Status.CRASHED]


def test_a_drain_takes_over_what_it_lost_itself(sqlite_store: Store, clock: ManualClock) -> None:
    """Its own late end must not make it forget the new claim, whose lease would then run out."""
    queue(sqlite_store, "a")
    held: list[int] = []

    async def run() -> Drained:
        async def lost_once(script: Script, works: Sequence[Work]) -> AsyncIterator[Ended]:
            if len(script.given) == 1:
                clock.advance(seconds=61)
                enqueue(sqlite_store, wanted("b", now_us(sqlite_store)))
                await script.go_on.wait()
            else:
                script.go_on.set()
                await until(lambda: drain.done.late)
                held.append(drain.under_way)
            async for ended in complete(script, works):
                yield ended

        add_accounts(sqlite_store, "b")
        script, stopping = Script(store=sqlite_store, does=lost_once), asyncio.Event()
        drain = drain_of(sqlite_store, script)
        running = asyncio.create_task(drain.run(stopping))
        await until(lambda: drain.done.jobs == 2)
        stopping.set()
        return await running

    done = asyncio.run(run())
    assert (done.late, done.crashed, done.outcomes) == (1, 1, {Status.COMPLETED: 2})
    assert held == [2]
    assert written(sqlite_store) == {"a": 1, "b": 1}


def test_two_drains_share_the_work(store: Store, database_url: str, clock: ManualClock) -> None:
    """Each job is done once, by one drain or the other."""
    names = [f"{number:02d}" for number in range(60)]
    queue(store, *names)
    other = Store(database_url, clock=clock)

    async def run() -> list[Drained]:
        async def yields(script: Script, works: Sequence[Work]) -> AsyncIterator[Ended]:
            await asyncio.sleep(0)
            async for ended in complete(script, works):
                yield ended

        drains = [
            drain_of(one, Script(store=one, does=yields), owner=owner, limits=DrainLimits(claim=4, most_claimed=4))
            for one, owner in ((store, "one"), (other, "two"))
        ]
        return list(await asyncio.gather(*(drain.run_dry() for drain in drains)))

    done = asyncio.run(run())
    other.close()
    assert sum(one.jobs for one in done) == 60
    assert written(store) == dict.fromkeys(names, 1)
    assert all_jobs(store) == []


def test_what_a_cancelled_drain_claims_meanwhile_is_given_back(store: Store) -> None:
    """A thread cannot be cancelled: jobs that it claimed would wait until their lease has expired."""
    queue(store, "a", "b")
    entered, go_on = threading.Event(), threading.Event()

    def open_sources(names: Sequence[str]) -> Sequence[str]:
        entered.set()
        assert go_on.wait(60)
        return names

    async def run() -> Drained:
        script = Script(store=store, does=complete)
        drain = drain_of(store, script, open_sources=open_sources)
        running = asyncio.create_task(drain.run(asyncio.Event()))
        await asyncio.to_thread(entered.wait, 60)
        running.cancel()
        go_on.set()
        with suppress(asyncio.CancelledError):
            await running
        assert script.given == []
        return drain.done

    assert asyncio.run(run()).given_back == 2
    assert {(job.status, job.owner) for job in all_jobs(store)} == {(JobStatus.QUEUED, None)}
