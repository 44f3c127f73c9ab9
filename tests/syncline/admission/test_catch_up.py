"""What becomes of scheduled runs that come late, by policy."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.runs import Waits, products_source, session
from support.upstream import ListPages

from syncline.admission.admit import admit, ask
from syncline.admission.due_run import Admission, DueRun, Queued
from syncline.admission.wait import admit_in_turn
from syncline.clock import ManualClock
from syncline.model.policies import CatchUp, Mode
from syncline.model.session import Status, Trigger
from syncline.model.source import Source
from syncline.model.target import Target
from syncline.passes.closing import close, complete
from syncline.passes.lease_keeper import LeaseKeeper
from syncline.store import queue
from syncline.store.engine import Store

EVERY = timedelta(minutes=30)


def source(catch_up: CatchUp, **policies: Any) -> Source:  # noqa: ANN401 - any policy
    return replace(products_source(ListPages()), catch_up=catch_up, **policies)


def due(tick: datetime | None, **values: Any) -> DueRun:  # noqa: ANN401 - the fields of `DueRun`
    given: dict[str, Any] = {"trigger": Trigger.SCHEDULE, "mode": Mode.FULL, "scheduled_for": tick, **values}
    return DueRun(**given)


def ticks(clock: ManualClock, count: int) -> list[datetime]:
    """So many ticks, the first one now; the clock then stands a quarter of an hour after the last."""
    made = [clock.now() + number * EVERY for number in range(count)]
    clock.advance(seconds=(made[-1] - clock.now()).total_seconds() + 900)
    return made


def outcome(store: Store, source: Source, tick: datetime) -> Status:
    """The outcome of a tick whose run, once begun, does its work in a minute."""
    said = admit(store, source, due(tick))
    if not said.granted:
        return said.status
    assert isinstance(store.clock, ManualClock)
    store.clock.advance(seconds=60)
    return complete(store, said.session_id)


@pytest.mark.parametrize(
    ("catch_up", "late"),
    [
        (CatchUp.LATEST, [Status.COMPLETED, Status.MISSED, Status.MISSED, Status.MISSED]),
        (CatchUp.ALL, [Status.COMPLETED] * 4),
        (CatchUp.NONE, [Status.MISSED] * 4),
    ],
)
def test_after_downtime_late_ticks_have_the_outcomes_of_the_policy(
    store: Store, clock: ManualClock, catch_up: CatchUp, late: list[Status]
) -> None:
    """Four ticks were due while nothing ran; the fifth is on time, and runs in any case."""
    policy = source(catch_up)
    assert [outcome(store, policy, tick) for tick in ticks(clock, 4)] == late
    assert outcome(store, policy, clock.advance(seconds=600)) is Status.COMPLETED


def test_what_is_left_out_says_why(store: Store, clock: ManualClock) -> None:
    """`missed` alone would look like a fault."""
    none = source(CatchUp.NONE)
    missed = admit(store, none, due(ticks(clock, 1)[0]))
    assert (missed.status, missed.reason) == (Status.MISSED, "900 s late; late runs of products are left out")


@pytest.mark.parametrize(("seconds", "status"), [(300, Status.RUNNING), (301, Status.MISSED)])
def test_what_counts_as_late_is_a_setting(store: Store, clock: ManualClock, seconds: float, status: Status) -> None:
    """Five minutes instead of one, for a source that runs once a day on a busy machine."""
    patient, tick = source(CatchUp.NONE, late_after_seconds=300), clock.now()
    clock.advance(seconds=seconds)
    assert admit(store, patient, due(tick)).status is status


def test_late_runs_take_their_turns_in_the_order_of_their_ticks(store: Store, clock: ManualClock) -> None:
    """Prefect starts them all at once, and they come in any order."""
    every = source(CatchUp.ALL)
    first, second, third = ticks(clock, 3)
    running = ask(store, every, due(first))
    assert isinstance(running, Admission)
    waits_third, waits_second = ask(store, every, due(third)), ask(store, every, due(second))
    assert isinstance(waits_third, Queued)
    assert isinstance(waits_second, Queued)
    assert waits_third.reason == f"catch-up: session {running.session_id} goes first"
    complete(store, running.session_id)
    still = ask(store, every, due(third), ticket=waits_third)
    assert isinstance(still, Queued)
    assert still.reason == f"catch-up: session {waits_second.session_id} goes first"
    granted = ask(store, every, due(second), ticket=waits_second)
    assert isinstance(granted, Admission)
    assert granted.granted
    complete(store, granted.session_id)
    last = ask(store, every, due(third), ticket=waits_third)
    assert isinstance(last, Admission)
    assert last.granted
    assert session(store, last.session_id).scheduled_for == third


def test_a_late_run_waits_for_an_earlier_one_that_is_on_its_way(store: Store, clock: ManualClock) -> None:
    """Its process started sooner; Prefect knows of the other one."""
    every = source(CatchUp.ALL)
    tick = ticks(clock, 2)[1]
    waits = Waits(clock)

    async def is_earlier_pending() -> bool:
        return sum(waits.seconds) < 5

    said = asyncio.run(admit_in_turn(store, every, due(tick), is_earlier_pending=is_earlier_pending, sleep=waits))
    assert (said.granted, sum(waits.seconds)) == (True, 5)


def test_a_tick_that_is_on_time_comes_after_the_late_ones(store: Store, clock: ManualClock) -> None:
    """It would be the last in order, and one of the late ones would seem to have run twice."""
    every = source(CatchUp.ALL)
    late, later = ticks(clock, 2)
    running = admit(store, every, due(late))
    assert isinstance(ask(store, every, due(later)), Queued)
    complete(store, running.session_id)
    assert isinstance(ask(store, every, due(clock.now())), Queued)


def test_a_tick_that_is_on_time_minds_the_overlap_policy_where_nobody_is_late(store: Store, clock: ManualClock) -> None:
    """Catching up is for what is late."""
    every = source(CatchUp.ALL)
    admit(store, every, due(clock.now()))
    assert admit(store, every, due(clock.now())).status is Status.SKIPPED


def test_a_late_run_that_was_deferred_keeps_its_turn(store: Store, clock: ManualClock) -> None:
    """A process waits for half a minute, not for hours; the place in the order lasts."""
    every = source(CatchUp.ALL)
    first, second, third = ticks(clock, 3)
    running = admit(store, every, due(first))
    deferred = asyncio.run(admit_in_turn(store, every, due(second), sleep=Waits(clock)))
    assert deferred.status is Status.DEFERRED
    assert deferred.reason == f"catch-up: session {running.session_id} goes first; waited 30 s"
    complete(store, running.session_id)
    behind = admit(store, every, due(third))
    assert (behind.status, behind.reason) == (
        Status.DEFERRED,
        f"catch-up: session {deferred.session_id} goes first",
    )
    clock.advance(seconds=60)
    again = due(None, trigger=Trigger.RETRY, goes_on_for=behind.session_id)
    assert admit(store, every, again).status is Status.DEFERRED
    back = admit(store, every, due(None, trigger=Trigger.RETRY, goes_on_for=deferred.session_id))
    assert back.granted
    assert session(store, back.session_id).scheduled_for == second


def test_late_runs_do_not_ask_in_vain_while_the_source_waits_for_a_budget(store: Store, clock: ManualClock) -> None:
    """Each keeps its turn until then: skipping them would break the promise."""
    every = source(CatchUp.ALL)
    first, second = ticks(clock, 2)
    running, until = admit(store, every, due(first)), clock.now() + timedelta(minutes=10)
    close(store, running.session_id, Status.DEFERRED, reason="budget", retry_at=until)
    deferred = asyncio.run(admit_in_turn(store, every, due(second), sleep=Waits(clock)))
    assert (deferred.status, deferred.retry_at) == (Status.DEFERRED, until)
    assert (deferred.reason or "").startswith("deferred until")


def test_a_place_that_nobody_comes_back_for_is_lost(store: Store, clock: ManualClock) -> None:
    """Prefect may lose a run; the others must not wait for it for ever."""
    every = source(CatchUp.ALL)
    first, second, third = ticks(clock, 3)
    running = admit(store, every, due(first))
    lost = admit(store, every, due(second))
    assert lost.status is Status.DEFERRED
    complete(store, running.session_id)
    clock.advance(seconds=60 + queue.BACK_WITHIN_SECONDS)
    assert admit(store, every, due(third)).granted


@dataclass(frozen=True, kw_only=True)
class Downtime:
    """So many `ticks` fell into it, `minutes` apart; then their runs come in `order`, of `work_seconds` each."""

    ticks: int
    minutes: int
    work_seconds: int
    order: list[int]


@st.composite
def downtimes(draw: st.DrawFn) -> Downtime:
    count = draw(st.integers(1, 4))
    return Downtime(
        ticks=count,
        minutes=draw(st.integers(2, 90)),
        work_seconds=draw(st.integers(1, 100)),
        order=draw(st.permutations(range(count))),
    )


_STEP_SECONDS = 5


class Burst:
    """All runs that Prefect starts at once after downtime, on one clock: each asks every few seconds until it knows."""

    def __init__(self, store: Store, source: Source, clock: ManualClock, down: Downtime) -> None:
        self.store, self.source, self.clock, self.down = store, source, clock, down
        self.outcomes: dict[datetime, Status] = {}
        self.ran: list[datetime] = []
        self._running: tuple[str, datetime, datetime] | None = None
        self._asking: dict[datetime, tuple[DueRun, Queued | None, datetime]] = {}

    def run(self, all_ticks: list[datetime]) -> None:
        """Let all of them come, and time pass until each has its outcome."""
        for index in self.down.order:
            self._asking[all_ticks[index]] = (due(all_ticks[index]), None, self.clock.now())
        for _ in range(1_000):
            if len(self.outcomes) == len(all_ticks):
                return
            self._turn()
            self.clock.advance(seconds=_STEP_SECONDS)
        raise AssertionError(f"some ticks have no outcome: {self.outcomes}")

    def _turn(self) -> None:
        now = self.clock.now()
        if self._running is not None:
            LeaseKeeper(self.store, Target("products"), self._running[0]).renew()
        if self._running is not None and now >= self._running[2]:
            session_id, tick, _ = self._running
            self.outcomes[tick], self._running = complete(self.store, session_id), None
        for tick, (what, place, since) in list(self._asking.items()):
            if since > now:
                continue
            tired = place is not None and (now - place.since).total_seconds() >= self.source.patience_seconds
            behind = any(other < tick for other in self._asking)
            said = ask(self.store, self.source, what, ticket=place, earlier_pending=behind, timed_out=tired)
            self._heard(tick, what, said, since)

    def _heard(self, tick: datetime, what: DueRun, said: Admission | Queued, since: datetime) -> None:
        if isinstance(said, Queued):
            self._asking[tick] = (what, said, since)
            return
        del self._asking[tick]
        if said.granted:
            assert self._running is None, "two are at work at once"
            self.ran.append(tick)
            self._running = (said.session_id, tick, self.clock.now() + timedelta(seconds=self.down.work_seconds))
        elif said.status is Status.DEFERRED:
            assert said.retry_at is not None
            again = due(None, trigger=Trigger.RETRY, goes_on_for=said.session_id)
            self._asking[tick] = (again, None, said.retry_at)
        else:
            self.outcomes[tick] = said.status


@pytest.mark.parametrize("catch_up", CatchUp)
@settings(max_examples=20)
@given(down=downtimes())
def test_whatever_the_downtime_each_tick_has_the_one_outcome_that_the_policy_promises(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, catch_up: CatchUp, down: Downtime
) -> None:
    """LATEST: one runs; ALL: each runs, in order, one at a time, however they come; NONE: none runs."""
    path = tmp_path_factory.mktemp("burst") / "burst.db"
    path.write_bytes(sqlite_template.read_bytes())
    clock = ManualClock(datetime.fromisoformat("2026-01-22T10:00:00+00:00"))
    store = Store(f"sqlite:///{path}", clock=clock)
    made = [clock.now() + timedelta(minutes=down.minutes * number) for number in range(down.ticks)]
    clock.advance(seconds=down.minutes * 60 * (down.ticks - 1) + 61)
    burst = Burst(store, source(catch_up, patience_seconds=30), clock, down)
    burst.run(made)
    store.close()
    counted = sorted(burst.outcomes.values())
    if catch_up is CatchUp.ALL:
        assert burst.ran == made
        assert counted == [Status.COMPLETED] * down.ticks
    elif catch_up is CatchUp.NONE:
        assert counted == [Status.MISSED] * down.ticks
    else:
        assert len(burst.ran) == 1
        assert counted == [Status.COMPLETED, *[Status.MISSED] * (down.ticks - 1)]
