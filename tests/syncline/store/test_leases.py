import os
import socket
from dataclasses import replace

import pytest
from support.runs import dead_process

from syncline.clock import ManualClock
from syncline.model.target import Target
from syncline.store import leases
from syncline.store.engine import Store
from syncline.store.leases import Process

NAME = Target("products")
HERE = Process.current()
ELSEWHERE = Process(host="another-machine", boot_id="b", pid=1, started=1)


def acquire(store: Store, owner: str, process: Process = HERE) -> int | None:
    with store.write() as connection:
        return leases.acquire(connection, NAME, owner, process=process, now=store.clock.now())


def renew(store: Store, owner: str) -> bool:
    with store.write() as connection:
        return leases.renew(connection, NAME, owner, now=store.clock.now())


def release(store: Store, owner: str) -> None:
    with store.write() as connection:
        leases.release(connection, NAME, owner, now=store.clock.now())


def is_lost(store: Store, owner: str) -> bool:
    with store.read() as connection:
        return leases.is_lost(leases.holder(connection, NAME), owner, now=store.clock.now())


def test_one_owner_at_a_time(store: Store) -> None:
    """The second who asks gets nothing, and the first keeps what it has."""
    assert acquire(store, "a") == 1
    assert acquire(store, "b") is None
    assert not is_lost(store, "a")
    assert is_lost(store, "b")


def test_the_fence_rises_with_each_change_of_owner(store: Store) -> None:
    """A late writer of an earlier owner can be told by its lower number."""
    fences: list[int | None] = []
    for owner in ("a", "b", "c"):
        fences.append(acquire(store, owner))
        release(store, owner)
    assert fences == [1, 2, 3]


def test_a_lease_that_is_not_renewed_is_free_after_its_time(store: Store, clock: ManualClock) -> None:
    """A machine that lost its power makes room within 60 s: at 59.9 s not yet, at 60 s."""
    acquire(store, "a", ELSEWHERE)
    clock.advance(seconds=59.9)
    assert acquire(store, "b") is None
    clock.advance(seconds=0.1)
    assert acquire(store, "b") == 2


def test_a_renewed_lease_lasts_on(store: Store, clock: ManualClock) -> None:
    """Renewed at 50 s, it lasts until 110 s."""
    acquire(store, "a", ELSEWHERE)
    clock.advance(seconds=50)
    assert renew(store, "a")
    clock.advance(seconds=59)
    assert acquire(store, "b") is None
    clock.advance(seconds=1)
    assert acquire(store, "b") == 2


def test_a_lost_lease_is_not_renewed(store: Store, clock: ManualClock) -> None:
    """Who slept too long hears of it, and does not take the lease back from its new owner."""
    acquire(store, "a", ELSEWHERE)
    clock.advance(seconds=60)
    acquire(store, "b")
    assert not renew(store, "a")
    assert not is_lost(store, "b")


def test_only_its_owner_frees_a_lease(store: Store) -> None:
    """A run that ends late does not free the lease of the run that follows it."""
    acquire(store, "a")
    release(store, "b")
    assert acquire(store, "c") is None
    release(store, "a")
    assert acquire(store, "c") == 2


def test_a_dead_owner_makes_room_at_once(store: Store) -> None:
    """Nobody waits 60 s for a process of this machine that was killed."""
    acquire(store, "a", dead_process())
    assert is_lost(store, "a")
    assert acquire(store, "b") == 2


@pytest.mark.parametrize(
    "process",
    [
        replace(dead_process(), host="another-machine"),
        replace(dead_process(), boot_id="before the restart"),
        replace(dead_process(), boot_id=HERE.boot_id.replace("pid:[", "pid:[9")),
    ],
)
def test_the_death_of_a_process_is_judged_on_its_own_machine_alone(store: Store, process: Process) -> None:
    """A pid means nothing on another machine, so there only time frees a lease."""
    acquire(store, "a", process)
    assert not process.is_dead
    assert acquire(store, "b") is None


def test_leases_of_other_names_are_free(store: Store, clock: ManualClock) -> None:
    """Sources do not stand in each other's way."""
    acquire(store, "a")
    with store.write() as connection:
        other = leases.acquire(connection, Target("customers"), "b", process=HERE, now=clock.now())
    assert other == 1


def test_a_process_knows_itself(store: Store) -> None:
    """The pid alone would be given to a later process: its start tells them apart."""
    assert (HERE.host, HERE.pid) == (socket.gethostname(), os.getpid())
    assert HERE.started > 0
    assert not HERE.is_dead
    assert replace(HERE, started=HERE.started - 1).is_dead


def test_a_lease_that_nobody_took_is_lost(store: Store) -> None:
    """A session without a lease is one that nobody works on."""
    assert is_lost(store, "a")


def test_a_lease_that_was_given_back_is_not_renewed(store: Store) -> None:
    """A renewal that was under way when the run ended would keep the next run out for a minute."""
    acquire(store, "a")
    release(store, "a")
    assert not renew(store, "a")
    assert acquire(store, "b") == 2


def test_a_clock_that_steps_back_does_not_bring_a_lease_back(store: Store, clock: ManualClock) -> None:
    """What was given back is free, also for a moment that lies before."""
    acquire(store, "a")
    release(store, "a")
    clock.advance(seconds=-30)
    assert acquire(store, "b") == 2


@pytest.mark.parametrize(
    ("process", "lives"),
    [(HERE, True), (dead_process(), False), (ELSEWHERE, False), (replace(HERE, boot_id=""), False)],
)
def test_whether_a_process_lives_on_can_be_told_after_it_lost_its_lease(
    store: Store, clock: ManualClock, process: Process, *, lives: bool
) -> None:
    """Prefect is told that a run crashed only where nobody can contradict it."""
    with store.write() as connection:
        assert leases.acquire(connection, Target("products"), "s1", process=process, now=clock.now())
        for _ in range(2):
            leases.release(connection, Target("products"), "s1", now=clock.now())
        lease = leases.holder(connection, Target("products"))
        assert leases.lives_on(lease, "s1") is lives
        assert not leases.lives_on(lease, "s2")
        assert not leases.renew(connection, Target("products"), "s1", now=clock.now())


def asked_by(store: Store, owner: str) -> str | None:
    with store.read() as connection:
        return leases.asked_by(connection, NAME, owner)


def ask(store: Store, owner: str, by: str) -> None:
    with store.write() as connection:
        leases.ask_to_end(connection, NAME, owner, by=by)


def test_an_owner_is_asked_to_end_once(store: Store) -> None:
    """Anyone who asked first is the one for whom it ends; the request outlives the process that made it."""
    acquire(store, "a")
    assert asked_by(store, "a") is None
    ask(store, "a", "b")
    ask(store, "a", "c")
    assert asked_by(store, "a") == "b"


def test_a_request_to_end_is_for_one_owner(store: Store) -> None:
    """The next one must not end for it, nor one that has given the lease back."""
    acquire(store, "a")
    ask(store, "z", "b")
    assert asked_by(store, "a") is None
    ask(store, "a", "b")
    release(store, "a")
    acquire(store, "c")
    assert (asked_by(store, "c"), asked_by(store, "a")) == (None, None)
    release(store, "c")
    ask(store, "c", "d")
    assert asked_by(store, "c") is None
