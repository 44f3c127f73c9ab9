"""The door of a source: one decision on one due run, inside its transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, partial

from sqlalchemy import Connection

from syncline.model.policies import Mode
from syncline.model.records import LeaseRow
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.source import Source
from syncline.passes.due import Admission, Due, Wait, lease_name
from syncline.passes.line import Line
from syncline.passes.refusals import said_of_breaker, said_of_lateness, said_of_waiting
from syncline.passes.state import mode_due
from syncline.passes.turns import Turn, turn_of
from syncline.resilience.breaker import BreakerState
from syncline.store import checkpoints, heartbeats, holds, leases, missed, sessions
from syncline.store.breakers import BreakerStatus

__all__ = ["Door"]

_RETRY_AFTER = timedelta(seconds=60)
"""How long after it was deferred a run asks again for its turn."""
_GOES_ON = frozenset({Trigger.SCHEDULE, Trigger.RETRY})
"""Full runs that go on with an unfinished pass; somebody who asks for one by hand wants to see everything read."""


@dataclass(frozen=True, kw_only=True)
class Door:
    """One decision; the fields are what `admission.ask` is given.

    Attributes:
        lease: the source's lease, which nobody else changes meanwhile; None before its first run.
        begins: whether the run is there to begin; else it is only asked whether it would be turned away.
        closed: the sessions that have their outcome by it.
        beats: the signs of life that it gives, written once the transaction is committed.
    """

    connection: Connection
    source: Source
    due: Due
    now: datetime
    process: leases.Process
    lease: LeaseRow | None
    breaker: BreakerStatus
    place: Wait | None = None
    behind: bool = False
    gives_up: bool = False
    begins: bool = True
    closed: list[str] = field(default_factory=list[str])
    beats: list[heartbeats.Beat] = field(default_factory=list[heartbeats.Beat])

    def decide(self) -> Admission | Wait | None:
        """Let the run in, turn it away, or have it wait; None where it is not there to begin, and would not be."""
        known = self._known()
        if known is not None:
            return self._again(known)
        refused = self._paused() or self._superfluous() or self._tripped()
        if refused is not None or not self.begins:
            return refused
        return self._in_turn()

    def _known(self) -> SyncSession | None:
        """The session that is on record of the run, or of its tick where that was found missed before it came."""
        known = None if self.due.flow_run_id is None else sessions.by_flow_run(self.connection, self.due.flow_run_id)
        if known is None and self.due.scheduled_for is not None and self.due.account_id is None:
            return missed.unclaimed(self.connection, self.source.name, self.due.scheduled_for)
        return known

    @cached_property
    def _id(self) -> str:
        """The session that the run has, once that is on record."""
        return sessions.new_id(self.source.name, self.now) if self.place is None else self.place.session_id

    @property
    def _lease_name(self) -> str:
        return lease_name(self.source.name, self.due.account_id)

    @cached_property
    def _newest(self) -> SyncSession | None:
        return sessions.latest_started(self.connection, self.source.name, self.due.account_id)

    @cached_property
    def _line(self) -> Line:
        """Who waits; nobody else can join any more."""
        return Line(connection=self.connection, source=self.source, due=self.due, place=self.place, now=self.now)

    def _again(self, known: SyncSession) -> Admission:
        """A flow run that was decided before: the same answer."""
        return Admission(
            session_id=known.id,
            status=Status(known.status),
            mode=Mode(known.mode),
            reason=known.reason,
            retry_at=known.retry_at,
            held=known.held,
        )

    def _paused(self) -> Admission | None:
        hold = holds.active(self.connection, self.source.name, account_id=self.due.account_id, now=self.now)
        if hold is None:
            return None
        outcome = Status.DEFERRED if self.due.trigger is Trigger.RETRY else Status.SKIPPED  # what was put off stays so
        return self._refused(
            outcome, f"paused: {hold.reason}", retry_at=hold.expires_at, held=outcome is Status.DEFERRED
        )

    def _superfluous(self) -> Admission | None:
        """A run that another one has made up for, or waits for already."""
        late = None if self.place else said_of_lateness(self.source, self._newest, self.due, self.now)
        if late is not None:
            return self._refused(Status.MISSED, late)
        waiting = said_of_waiting(self._newest, self.due, self.now)
        if self._newest is None or waiting is None or self._line.catches_up:
            return None
        return self._refused(Status.SKIPPED, waiting, retry_at=self._newest.retry_at)

    def _tripped(self) -> Admission | None:
        if self.breaker.state not in {BreakerState.OPEN, BreakerState.FORCED_OPEN}:
            return None
        reason = said_of_breaker(self.source.name, self.breaker.state, self.breaker.retry_at)
        return self._refused(Status.SKIPPED, reason, retry_at=self.breaker.retry_at)

    def _in_turn(self) -> Admission | Wait:
        """Begin if it is the run's turn; else wait, ask the one at work to end, or be turned away."""
        put_off, first = self._put_off(), self._line.first_before(self._id)
        if put_off is None and first is None and not (self.behind and self._line.catches_up):
            opened = self._opened()
            if opened is not None:
                return opened
        turn = self._turn(first) if put_off is None else Turn(waits=True, reason=put_off)
        if not turn.waits:
            return self._refused(Status.SKIPPED, turn.reason)
        until = None if put_off is None or self._newest is None else self._newest.retry_at
        return self._deferred(turn, until) if self.gives_up or until is not None else self._waits(turn)

    def _put_off(self) -> str | None:
        """Why a run that catches up would begin in vain: the source waits for a rate limit or a budget."""
        if not self._line.catches_up or self._newest is None or self._line.keeps(self._newest.id):
            return None
        return said_of_waiting(self._newest, self.due, self.now)

    def _turn(self, first: str | None) -> Turn:
        """What becomes of a run before which another one stands; the one at work is asked to end where it shall."""
        running = self.lease.owner if self.lease is not None and self._is_held(self.lease) else None
        catches_up = self._line.catches_up
        waiting = first if self.place is None or catches_up else None
        turn = turn_of(self.source.overlap, running=running, waiting=waiting, catches_up=catches_up)
        if turn.asks and running is not None:
            leases.ask_to_end(self.connection, self._lease_name, running, by=self._id)
        return turn

    def _is_held(self, lease: LeaseRow) -> bool:
        return not leases.is_lost(lease, lease.owner, now=self.now)

    def _waits(self, turn: Turn) -> Wait:
        self._line.join(self._id, self.process)
        return Wait(
            session_id=self._id,
            tick=self._line.tick,
            since=self.now if self.place is None else self.place.since,
            catches_up=self._line.catches_up,
            reason=turn.reason,
        )

    def _deferred(self, turn: Turn, until: datetime | None) -> Admission:
        """Waited long enough; a run that catches up keeps its place."""
        retry_at = until or self.now + _RETRY_AFTER
        self._line.step_out(self._id, back_at=retry_at)
        waited = 0 if self.place is None else (self.now - self.place.since).total_seconds()
        reason = f"{turn.reason}; waited {waited:.0f} s" if waited else turn.reason
        return self._refused(Status.DEFERRED, reason, retry_at=retry_at, leaves=False)

    def _opened(self) -> Admission | None:
        """Take the lease and open the session; None where somebody else has the lease."""
        session = self._session(Status.RUNNING)
        if leases.acquire(self.connection, self._lease_name, session.id, process=self.process, now=self.now) is None:
            return None
        self._line.leave()
        self._close_abandoned(session.id)
        if self.due.mode is Mode.FULL and self.due.trigger not in _GOES_ON:
            checkpoints.forget_pass(self.connection, self.source.name, self.due.account_id)
        sessions.insert_session(self.connection, session)
        self.beats.append(partial(heartbeats.began, source=self.source.name, now=self.now))
        return Admission(session_id=session.id, status=Status.RUNNING, mode=session.mode)

    def _close_abandoned(self, keep: str) -> None:
        """Close what a dead process left open; it failed, as it would have if the reconciler had come first."""
        name = self.source.name
        closed = sessions.close_abandoned(self.connection, name, self.due.account_id, keep=keep, now=self.now)
        if closed:
            self.beats.append(partial(heartbeats.crashed, source=name, times=len(closed)))
        self.closed.extend(closed)

    def _refused(
        self,
        status: Status,
        reason: str,
        *,
        retry_at: datetime | None = None,
        held: bool = False,
        leaves: bool = True,
    ) -> Admission:
        """Put on record why the run does not begin; it `leaves` the queue unless its place is kept."""
        session = self._session(status, reason=reason, retry_at=retry_at)
        session.held = held
        if leaves:
            self._line.leave()
        sessions.insert_session(self.connection, session)
        self.closed.append(session.id)
        return Admission(
            session_id=session.id, status=status, mode=session.mode, reason=reason, retry_at=retry_at, held=held
        )

    def _session(self, status: Status, *, reason: str | None = None, retry_at: datetime | None = None) -> SyncSession:
        return SyncSession(
            id=self._id,
            source=self.source.name,
            account_id=self.due.account_id,
            trigger=self.due.trigger,
            mode=self._mode(),
            status=status,
            reason=reason,
            started_at=self.now,
            completed_at=None if status is Status.RUNNING else self.now,
            retry_at=retry_at,
            flow_run_id=self.due.flow_run_id,
            scheduled_for=self._line.scheduled_for,
        )

    def _mode(self) -> Mode:
        if self.source.dataset is None:
            return self.due.mode
        row = checkpoints.read(self.connection, self.source.name, self.due.account_id)
        return mode_due(self.source, row, self.due.mode, self.now)
