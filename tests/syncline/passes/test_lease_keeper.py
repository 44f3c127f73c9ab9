"""A running session holds on to its source."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from support.runs import begin, products_source
from support.upstream import ListPages

from syncline.clock import ManualClock
from syncline.model.session import Status
from syncline.model.target import Target
from syncline.passes.closing import close
from syncline.passes.lease_keeper import LeaseKeeper
from syncline.store import leases
from syncline.store.engine import Store

SOURCE = products_source(ListPages())


def keeper(store: Store, session_id: str) -> LeaseKeeper:
    return LeaseKeeper(store, Target("products"), session_id)


def test_a_session_that_renews_keeps_its_source(store: Store, clock: ManualClock) -> None:
    """Renewed every 20 s, it lasts far beyond its 60 s."""
    admission = begin(store, SOURCE)
    for _ in range(10):
        clock.advance(seconds=leases.RENEW_EVERY_SECONDS)
        assert keeper(store, admission.session_id).renew()
    with store.read() as connection:
        lease = leases.holder(connection, Target("products"))
    assert not leases.is_lost(lease, admission.session_id, now=clock.now())


def test_a_lost_lease_is_told(store: Store, clock: ManualClock) -> None:
    """A process that slept for an hour hears that another one has taken over."""
    late = begin(store, SOURCE)
    clock.advance(seconds=3_600)
    begin(store, SOURCE)
    assert not keeper(store, late.session_id).renew()


def test_an_account_has_its_own(store: Store) -> None:
    """The keeper of one account does not renew another's lease."""
    admission = begin(store, SOURCE, account_id="anna")
    assert LeaseKeeper(store, Target("products", "anna"), admission.session_id).renew()
    assert not keeper(store, admission.session_id).renew()


def test_a_database_that_is_away_is_no_lost_lease(tmp_path: Path) -> None:
    """There are two more tries before the lease expires; giving up at the first would end the run for nothing."""
    (tmp_path / "file").write_text("")
    assert keeper(Store(f"sqlite:///{tmp_path}/file/gone.db"), "s1").renew()


def test_the_thread_lasts_as_long_as_the_work(store: Store) -> None:
    """It renews beside a busy event loop, and ends with the block, also where that raises."""
    admission = begin(store, SOURCE)

    def names() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name.startswith("lease ")]

    def work() -> None:
        with keeper(store, admission.session_id):
            assert names() == ["lease products"]
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert names() == []


def test_a_keeper_of_an_ended_session_does_not_take_the_source_back(store: Store) -> None:
    """The next run begins although the thread of the last one has not heard of its end."""
    admission = begin(store, SOURCE)
    close(store, admission.session_id, Status.COMPLETED)
    assert not keeper(store, admission.session_id).renew()
    assert begin(store, SOURCE).granted


def test_an_error_of_the_database_does_not_give_the_lease_up(sqlite_store: Store) -> None:
    """There are two more tries before it expires; a thread that ended would lose it for certain."""
    admission = begin(sqlite_store, SOURCE)
    with sqlite_store.write() as connection:
        connection.exec_driver_sql("ALTER TABLE leases RENAME TO elsewhere")
    assert keeper(sqlite_store, admission.session_id).renew()


class Turns:
    """A `wait` that moves the clock instead, so many times; `during` happens while it waits."""

    def __init__(self, clock: ManualClock, times: int, during: Callable[[int], object] | None = None) -> None:
        self.seconds: list[float] = []
        self.over = threading.Event()
        self._clock = clock
        self._times = times
        self._during = during

    def __call__(self, seconds: float) -> bool:
        if len(self.seconds) == self._times:
            self.over.set()
            return True
        self.seconds.append(seconds)
        self._clock.advance(seconds=seconds)
        if self._during is not None:
            self._during(len(self.seconds))
        return False


def kept(store: Store, session_id: str, turns: Turns) -> None:
    """Keep the lease for as long as the turns last, or until the keeper gives up."""
    with LeaseKeeper(store, Target("products"), session_id, wait=turns):
        for thread in threading.enumerate():
            if thread.name == "lease products":
                thread.join(timeout=30)


def test_a_lease_is_renewed_every_20_seconds_for_another_60(store: Store, clock: ManualClock) -> None:
    """Three times in its life, so that two renewals may fail; after 5 minutes it lasts a minute still."""
    admission, left = begin(store, SOURCE), list[float]()

    def look(turn: int) -> None:
        del turn
        with store.read() as connection:
            lease = leases.holder(connection, Target("products"))
        assert lease is not None
        left.append((lease.expires_at - clock.now()).total_seconds())

    turns = Turns(clock, 15, look)
    kept(store, admission.session_id, turns)
    assert turns.over.is_set()
    assert turns.seconds == [20] * 15
    assert left == [40] * 15  # 60 s from the renewal before, of which 20 were waited
    look(0)
    assert left[-1] == 60


def test_a_keeper_whose_lease_was_taken_over_gives_up(store: Store, clock: ManualClock) -> None:
    """It must neither take the source back nor go on asking for ever."""
    admission, others = begin(store, SOURCE), list[str]()

    def sleep_too_long(turn: int) -> None:
        if turn == 3:
            clock.advance(seconds=61)
            others.append(begin(store, SOURCE).session_id)

    turns = Turns(clock, 10, sleep_too_long)
    kept(store, admission.session_id, turns)
    assert turns.seconds == [20] * 3
    assert not turns.over.is_set()
    with store.read() as connection:
        lease = leases.holder(connection, Target("products"))
    assert lease is not None
    assert lease.owner == others[0]


def test_a_keeper_survives_two_renewals_that_fail(sqlite_store: Store, clock: ManualClock) -> None:
    """A database that is away for half a minute costs nothing: the third renewal still comes in time."""
    admission = begin(sqlite_store, SOURCE)

    def rename(turn: int) -> None:
        statements = {1: "ALTER TABLE leases RENAME TO elsewhere", 3: "ALTER TABLE elsewhere RENAME TO leases"}
        if turn in statements:
            with sqlite_store.write() as connection:
                connection.exec_driver_sql(statements[turn])

    turns = Turns(clock, 5, rename)
    kept(sqlite_store, admission.session_id, turns)
    assert turns.seconds == [20] * 5
    with sqlite_store.read() as connection:
        lease = leases.holder(connection, Target("products"))
    assert not leases.is_lost(lease, admission.session_id, now=clock.now())
