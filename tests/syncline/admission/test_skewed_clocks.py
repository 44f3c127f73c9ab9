"""Machines whose clocks are wrong, on one PostgreSQL: they neither take nor lose what is in use."""

from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.runs import begin, products_source
from support.upstream import ListPages

from syncline.admission.admit import ask
from syncline.admission.due_run import DueRun, Queued
from syncline.model.policies import Overlap
from syncline.model.session import Status, Trigger
from syncline.model.target import Target
from syncline.passes.closing import close
from syncline.passes.reconcile import reconcile
from syncline.store import holds, leases, queue
from syncline.store.engine import Store
from syncline.store.leases import Process

ELSEWHERE = Process(host="elsewhere", boot_id="another boot", pid=7, started=7)
"""Only its lease says whether it lives."""
SOURCE = products_source(ListPages())
QUEUED = replace(SOURCE, overlap=Overlap.QUEUE)
LEASE = Target("products")
SKEWS = [timedelta(seconds=61), timedelta(seconds=-61), timedelta(hours=1), timedelta(hours=-1)]


class SkewedClock:
    """The clock of a machine that is set wrong."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead


@pytest.fixture(params=SKEWS, ids=str)
def machines(request: pytest.FixtureRequest, make_postgresql: Callable[[], str]) -> Generator[tuple[Store, Store]]:
    """One whose clock is right, and one whose clock is not."""
    url = make_postgresql()
    made = Store(url), Store(url, clock=SkewedClock(request.param))
    yield made
    for store in made:
        store.close()


@pytest.fixture(params=["its own session", "another one's"])
def pair(request: pytest.FixtureRequest, machines: tuple[Store, Store]) -> tuple[Store, Store]:
    """The machine that works, and the one that looks: either of them is the one that is wrong."""
    return machines if request.param == "another one's" else (machines[1], machines[0])


def nobody_knows(_: str) -> Status | None:
    return None


def test_a_session_that_works_is_neither_closed_nor_robbed(pair: tuple[Store, Store]) -> None:
    """With a minute between two clocks each tick of one machine made the other one's session `crashed`."""
    works, looks = pair
    session_id = begin(works, SOURCE, process=ELSEWHERE).session_id
    assert reconcile(looks, nobody_knows) == []
    assert reconcile(works, nobody_knows) == []
    said = ask(looks, SOURCE, DueRun(trigger=Trigger.SCHEDULE), timed_out=True)
    assert not isinstance(said, Queued)
    assert said.status is Status.SKIPPED
    renewed = works.transact(lambda connection: leases.renew(connection, LEASE, session_id, now=works.now(connection)))
    assert renewed
    assert close(works, session_id, Status.COMPLETED)


def test_a_session_that_ended_frees_its_source_for_all(pair: tuple[Store, Store]) -> None:
    """An end that lies in another one's future would keep the source for as long."""
    works, looks = pair
    close(works, begin(works, SOURCE, process=ELSEWHERE).session_id, Status.COMPLETED)
    assert begin(looks, SOURCE, process=ELSEWHERE).granted


def test_a_hold_lasts_as_long_for_all(pair: tuple[Store, Store]) -> None:
    """Somebody pauses a source for half a minute while they create orders: no machine runs it meanwhile."""
    works, looks = pair
    with works.write() as connection:
        holds.create(
            connection, Target("products"), reason="orders", created_by="anna", now=works.clock.now(), ttl_seconds=30
        )
    for store in (works, looks):
        said = ask(store, SOURCE, DueRun(trigger=Trigger.MANUAL), timed_out=True)
        assert not isinstance(said, Queued)
        assert said.reason == "paused: orders"


def test_a_place_in_the_queue_is_kept_for_all(pair: tuple[Store, Store]) -> None:
    """Another machine's run that waits goes first, also where it seems to have waited for ever, or not yet."""
    works, looks = pair
    begin(works, SOURCE, process=ELSEWHERE)
    waits = ask(works, QUEUED, DueRun(trigger=Trigger.MANUAL), process=ELSEWHERE)
    assert isinstance(waits, Queued)
    with looks.read() as connection:
        assert [row.session_id for row in queue.waiting(connection, LEASE, now=looks.now(connection))] == [
            waits.session_id
        ]
    said = ask(looks, QUEUED, DueRun(trigger=Trigger.MANUAL), process=ELSEWHERE)
    assert not isinstance(said, Queued)
    assert said.status is Status.SKIPPED
