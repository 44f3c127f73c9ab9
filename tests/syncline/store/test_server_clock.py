"""Whose clock counts: the server's where there is one, whatever this machine's shows."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from syncline.clock import ManualClock
from syncline.errors import DatabaseUnavailableError
from syncline.store.engine import Store
from syncline.store.server_clock import ServerClock

START = datetime(2026, 1, 22, 10, 0, tzinfo=UTC)
SKEWS = [timedelta(seconds=61), timedelta(seconds=-61), timedelta(hours=1), timedelta(hours=-1)]


class SkewedClock:
    """The clock of a machine that is set wrong."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead


class Steady:
    """Seconds that a test counts, and a server's clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.server = START
        self.asked = 0
        self.is_there = True

    def ask(self) -> datetime:
        self.asked += 1
        if not self.is_there:
            raise DatabaseUnavailableError("gone")
        return self.server

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds
        self.server += timedelta(seconds=seconds)


@pytest.mark.parametrize("ahead", SKEWS)
def test_on_postgresql_the_servers_clock_is_the_time(make_postgresql: Callable[[], str], ahead: timedelta) -> None:
    """Machines whose clocks differ by a minute would take leases from each other that are in use."""
    store = Store(make_postgresql(), clock=SkewedClock(ahead))
    with store.read() as connection:
        read = store.now(connection)
    assert abs(read - datetime.now(UTC)) < timedelta(seconds=20)
    assert abs(store.clock.now() - read) < timedelta(seconds=5)
    assert store.clock.now().tzinfo is UTC
    store.close()


def test_on_sqlite_this_machines_clock_is_the_time(sqlite_url: str) -> None:
    """All processes are on this machine: there is no other clock, and none to ask."""
    store = Store(sqlite_url, clock=SkewedClock(timedelta(hours=1)))
    with store.read() as connection:
        assert store.now(connection) - datetime.now(UTC) > timedelta(minutes=59)
    store.close()


def test_a_test_sets_the_time_on_both_databases(store: Store, clock: ManualClock) -> None:
    """Else nothing that takes a minute could be tested on PostgreSQL."""
    clock.advance(seconds=3_600)
    with store.read() as connection:
        assert store.now(connection) == store.clock.now() == clock.now()


def test_the_server_is_asked_now_and_then_only() -> None:
    """Each look at the clock would else be a request."""
    steady = Steady()
    clock = ServerClock(steady.ask, ManualClock(START - timedelta(hours=1)), steady_seconds=lambda: steady.seconds)
    for _ in range(9):
        assert clock.now() == steady.server
        steady.pass_by(1)
    assert steady.asked == 1
    steady.server += timedelta(minutes=5)  # somebody sets it
    steady.pass_by(1)
    assert clock.now() == steady.server
    assert steady.asked == 2


def test_while_the_server_is_away_its_time_goes_on() -> None:
    """What was known of it is better than what this machine believes; a server that was never reached tells nothing."""
    steady, machine = Steady(), ManualClock(START - timedelta(hours=1))
    clock = ServerClock(steady.ask, machine, steady_seconds=lambda: steady.seconds)
    steady.is_there = False
    assert clock.now() == machine.now()
    assert clock.now() == machine.now()
    assert steady.asked == 1, "asked again at once"
    steady.is_there = True
    steady.pass_by(2)
    assert clock.now() == steady.server
    steady.is_there = False
    steady.pass_by(60)
    assert clock.now() == steady.server
