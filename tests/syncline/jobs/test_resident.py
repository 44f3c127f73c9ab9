"""Drains that follow each other: one for each host and slot, without a time in which there is none."""

import asyncio
from dataclasses import replace

from support.account_sync import Script, complete, drain_of
from support.jobs import add_accounts, all_jobs, enqueue, now_us, wanted

from syncline.clock import ManualClock
from syncline.jobs.resident import Throughput, attended, wait_for_place
from syncline.model.policies import Priority
from syncline.store import drains
from syncline.store.drains import SILENT_US, DrainPlace
from syncline.store.engine import Store
from syncline.store.job_wake import bell_of
from syncline.store.leases import Process
from syncline.store.native import execute

PLACE = DrainPlace(host="here", slot=0, owner="first", priorities=tuple(Priority), capacity=9)
NEXT = replace(PLACE, owner="next")
BEAT_SECONDS = 0.01


def owners(store: Store) -> list[str]:
    with store.read() as connection:
        return [row.owner for row in drains.live(connection, now_us=now_us(store))]


def test_the_next_one_takes_over_and_the_first_ends_what_it_has(store: Store) -> None:
    """Its run began before its time was over: neither do jobs wait for it, nor do two drains work side by side."""
    add_accounts(store, "a", "b")
    enqueue(store, wanted("a", now_us(store)))

    async def both() -> tuple[int, list[str], list[str]]:
        assert await wait_for_place(store, PLACE, seconds=1)
        script = Script(store=store, does=complete)
        async with (
            bell_of(store) as bell,
            attended(store, PLACE, drain_of(store, script, bell=bell), Throughput(), beat_seconds=BEAT_SECONDS) as work,
        ):
            await script.begun.wait()
            taking = asyncio.create_task(wait_for_place(store, NEXT, seconds=60))
            await work  # it was asked to leave
            before = owners(store)
        assert await taking
        return work.result().jobs, before, owners(store)

    assert asyncio.run(both()) == (1, ["first"], ["next"])
    assert all_jobs(store) == []


def test_the_place_of_a_dead_one_is_free(store: Store, clock: ManualClock) -> None:
    """It gave no sign of life for half a minute, or its process is seen to be gone."""
    with store.write() as connection:
        process = replace(Process.current(), host="elsewhere")
        assert drains.take_place(connection, PLACE, process=process, now_us=now_us(store)) is None
        held = drains.take_place(connection, NEXT, process=process, now_us=now_us(store))
    assert held is not None
    assert held.owner == "first"
    clock.advance(seconds=SILENT_US / 1_000_000)
    with store.write() as connection:
        assert drains.take_place(connection, NEXT, process=process, now_us=now_us(store)) is None
        assert not drains.beat(connection, PLACE, now_us=now_us(store), under_way=0, ended={})
        assert drains.beat(connection, NEXT, now_us=now_us(store), under_way=2, ended={Priority.HIGH: 3})
        drains.leave(connection, PLACE)  # which is not its own any more
        (row,) = execute(connection, "SELECT owner, under_way, ended_high, asked_by FROM drains")
    assert row == ("next", 2, 3, None)


def test_a_process_that_is_gone_makes_room_at_once(store: Store) -> None:
    """One that was killed here need not be waited for."""
    gone = replace(Process.current(), started=1)
    with store.write() as connection:
        here = replace(PLACE, host=gone.host)
        assert drains.take_place(connection, here, process=gone, now_us=now_us(store)) is None
        current = Process.current()
        assert drains.take_place(connection, replace(here, owner="x"), process=current, now_us=now_us(store)) is None
