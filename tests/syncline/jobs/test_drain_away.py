"""Drains whose database goes away and comes back, and who wakes them."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace

from sqlalchemy import create_engine, text
from support.account_sync import Script, complete, drain_of, until
from support.jobs import add_accounts, all_jobs, enqueue, find_account, now_us, sessions_of, wanted

from syncline.clock import ManualClock
from syncline.jobs.drain import Drained, DrainLimits
from syncline.jobs.work import Ended, Work
from syncline.model.session import Status
from syncline.store.connections import Limits
from syncline.store.engine import Store
from syncline.store.job_wake import bell_of

LIMITS = DrainLimits(away_seconds=0.01, stop_seconds=0.1)


def test_ends_wait_for_a_database_that_is_locked_by_another(sqlite_url: str, clock: ManualClock) -> None:
    """What was read is not asked for again, nor does the job count as crashed."""
    store = Store(sqlite_url, clock=clock, limits=replace(Limits(), lock_seconds=0.05))
    add_accounts(store, "a")
    enqueue(store, wanted("a", now_us(store)))
    other = sqlite3.connect(str(store.url.database), isolation_level=None)

    async def locked(script: Script, works: Sequence[Work]) -> AsyncIterator[Ended]:
        other.execute("BEGIN IMMEDIATE")
        asyncio.get_running_loop().call_later(0.2, other.execute, "ROLLBACK")
        async for ended in complete(script, works):
            yield ended

    async def run() -> Drained:
        return await drain_of(store, Script(store=store, does=locked), limits=LIMITS).run_dry()

    done = asyncio.run(run())
    other.close()
    assert (done.outcomes, done.late, done.crashed) == ({Status.COMPLETED: 1}, 0, 0)
    assert (find_account(store, "a").weight, all_jobs(store), sessions_of(store)) == (2, [], [])
    store.close()


def test_ends_wait_for_a_server_that_cuts_off_its_connections(
    make_postgresql: Callable[[], str], clock: ManualClock
) -> None:
    """It was started anew: what is under way is written afterwards, and the drain goes on."""
    url = make_postgresql()
    store = Store(url, clock=clock)
    add_accounts(store, "a", "b")
    enqueue(store, wanted("a", now_us(store)))
    admin = create_engine(url, isolation_level="AUTOCOMMIT")

    async def cut_off(script: Script, works: Sequence[Work]) -> AsyncIterator[Ended]:
        with admin.connect() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                    " AND datname = current_database()"
                )
            )
        async for ended in complete(script, works):
            yield ended

    async def run() -> Drained:
        stopping = asyncio.Event()
        async with bell_of(store) as bell:
            drain = drain_of(store, Script(store=store, does=cut_off), bell=bell, limits=LIMITS)
            running = asyncio.create_task(drain.run(stopping))
            await until(lambda: drain.done.jobs == 1)
            await asyncio.to_thread(enqueue, store, wanted("b", now_us(store)))
            await until(lambda: drain.done.jobs == 2)
            stopping.set()
            return await running

    done = asyncio.run(run())
    admin.dispose()
    assert (done.outcomes, done.late, all_jobs(store)) == ({Status.COMPLETED: 2}, 0, [])
    assert [find_account(store, name).weight for name in ("a", "b")] == [2, 2]
    store.close()


def test_a_drain_is_woken_by_another_process_at_once(store: Store, database_url: str, clock: ManualClock) -> None:
    """It would sleep for a quarter of a minute else, longer than the test does."""
    names = ("a", "b", "c")
    add_accounts(store, *names)
    elsewhere = Store(database_url, clock=clock)

    async def run() -> Drained:
        stopping = asyncio.Event()
        script = Script(store=store, does=complete)
        async with bell_of(store) as bell, asyncio.timeout(10):
            drain = drain_of(store, script, bell=bell, limits=LIMITS)
            running = asyncio.create_task(drain.run(stopping))
            for number, name in enumerate(names, 1):
                await asyncio.to_thread(enqueue, elsewhere, wanted(name, now_us(store)))
                await until(lambda number=number: drain.done.jobs == number)
            stopping.set()
            return await running

    assert asyncio.run(run()).outcomes == {Status.COMPLETED: 3}
    elsewhere.close()


def test_a_bell_rings_first_and_then_once_for_what_others_commit(store: Store, database_url: str) -> None:
    """What was committed before its first look may have been missed."""
    other = Store(database_url, clock=store.clock)

    async def run() -> list[bool]:
        async with bell_of(store) as bell:
            heard = [await bell.wait(5), await bell.wait(0)]
            await asyncio.to_thread(enqueue, other, wanted("a", 1))
            return [*heard, await bell.wait(5), await bell.wait(0)]

    assert asyncio.run(run()) == [True, False, True, False]
    other.close()
