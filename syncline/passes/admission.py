"""Admission: whether a due run may start, decided and recorded in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.passes import results
from syncline.passes.refusals import said_of_breaker, said_of_lateness, said_of_waiting
from syncline.passes.state import mode_due
from syncline.resilience.breaker import BreakerState
from syncline.store import checkpoints, heartbeats, holds, leases, sessions
from syncline.store.breakers import Breakers, BreakerStatus

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from syncline.model.source import Source
    from syncline.store.engine import Store

__all__ = ["Admission", "Due", "admit", "lease_name", "said_of_breaker"]


@dataclass(frozen=True, kw_only=True)
class Due:
    """A run that is due.

    Attributes:
        trigger: who or what wants it.
        mode: how much it is asked to read.
        account_id: the account that it is for, if its source has accounts.
        flow_run_id: the Prefect flow run that it is; the same id is admitted once.
        scheduled_for: the tick of the schedule that it answers.
        goes_on_for: the deferred session that it was scheduled to go on for, if it was.
    """

    trigger: Trigger
    mode: Mode = Mode.INCREMENTAL
    account_id: str | None = None
    flow_run_id: str | None = None
    scheduled_for: datetime | None = None
    goes_on_for: str | None = None


@dataclass(frozen=True, kw_only=True)
class Admission:
    """What was decided of a due run.

    Attributes:
        session_id: the session that is on record for it.
        status: running where it may start; else its fate.
        mode: how much it is to read.
        reason: why it may not start.
        retry_at: when it could, where that is known.
    """

    session_id: str
    status: Status
    mode: Mode
    reason: str | None = None
    retry_at: datetime | None = None

    @property
    def granted(self) -> bool:
        """Whether the run may start."""
        return self.status is Status.RUNNING


def lease_name(source: str, account_id: str | None) -> str:
    """The lease that a run of the source (or an account's source) must hold."""
    return f"source:{source}" if account_id is None else f"source:{source}:{account_id}"


def admit(store: Store, source: Source, due: Due, *, process: leases.Process | None = None) -> Admission:
    """Open a session and take the source's lease, or put on record why not.

    Not admitted are: a run of a source that is paused, which is put off once more if it was put off before; a late
    scheduled run, where a session began after its tick; a run of a source whose breaker is open; a scheduled run of a
    source whose newest session waits for a rate limit or a budget; and one of a source that another session works on. A
    session whose process died is closed as crashed.
    """
    now, breaker = store.clock.now(), Breakers(store).state(source)
    with store.write() as connection:
        door = _Door(connection, source, due, now, process or leases.Process.current(), breaker)
        decided = door.decide()
    results.tell(store, door.closed)
    return decided


@dataclass(frozen=True)
class _Door:
    """One decision, inside its transaction."""

    connection: Connection
    source: Source
    due: Due
    now: datetime
    process: leases.Process
    breaker: BreakerStatus
    closed: list[str] = field(default_factory=list[str])
    """The sessions that have their fate by this decision."""

    def decide(self) -> Admission:
        known = None if self.due.flow_run_id is None else sessions.by_flow_run(self.connection, self.due.flow_run_id)
        if known is not None:
            return self._again(known)
        return self._paused() or self._superfluous() or self._tripped() or self._opened() or self._overlap()

    def _again(self, known: SyncSession) -> Admission:
        """A flow run that was decided before: the same answer."""
        return Admission(
            session_id=known.id,
            status=Status(known.status),
            mode=Mode(known.mode),
            reason=known.reason,
            retry_at=known.retry_at,
        )

    def _paused(self) -> Admission | None:
        hold = holds.active(self.connection, self.source.name, account_id=self.due.account_id, now=self.now)
        if hold is None:
            return None
        fate = Status.DEFERRED if self.due.trigger is Trigger.RETRY else Status.SKIPPED  # what was put off stays so
        return self._refused(fate, f"paused: {hold.reason}", retry_at=hold.expires_at, held=fate is Status.DEFERRED)

    def _superfluous(self) -> Admission | None:
        """A run that another one has made up for, or waits for already."""
        newest = sessions.latest_started(self.connection, self.source.name, self.due.account_id)
        late = said_of_lateness(newest, self.due, self.now)
        if late is not None:
            return self._refused(Status.MISSED, late)
        waiting = said_of_waiting(newest, self.due, self.now)
        if newest is None or waiting is None:
            return None
        return self._refused(Status.SKIPPED, waiting, retry_at=newest.retry_at)

    def _tripped(self) -> Admission | None:
        if self.breaker.state not in {BreakerState.OPEN, BreakerState.FORCED_OPEN}:
            return None
        reason = said_of_breaker(self.source.name, self.breaker.state, self.breaker.retry_at)
        return self._refused(Status.SKIPPED, reason, retry_at=self.breaker.retry_at)

    def _opened(self) -> Admission | None:
        """Take the lease and open the session; None where somebody else has the lease."""
        session = self._session(Status.RUNNING)
        name = lease_name(self.source.name, self.due.account_id)
        if leases.acquire(self.connection, name, session.id, process=self.process, now=self.now) is None:
            return None
        self._close_abandoned(session.id)
        sessions.insert_session(self.connection, session)
        heartbeats.began(self.connection, self.source.name, now=self.now)
        return Admission(session_id=session.id, status=Status.RUNNING, mode=session.mode)

    def _close_abandoned(self, keep: str) -> None:
        """Close what a dead process left open; it failed, as it would have if the reconciler had come first."""
        name = self.source.name
        closed = sessions.close_abandoned(self.connection, name, self.due.account_id, keep=keep, now=self.now)
        heartbeats.crashed(self.connection, name, times=len(closed))
        self.closed.extend(closed)

    def _overlap(self) -> Admission:
        held = leases.holder(self.connection, lease_name(self.source.name, self.due.account_id))
        owner = "another session" if held is None else f"session {held.owner}"
        return self._refused(Status.SKIPPED, f"overlap: {owner} is running")

    def _refused(
        self, status: Status, reason: str, *, retry_at: datetime | None = None, held: bool = False
    ) -> Admission:
        session = self._session(status, reason=reason, retry_at=retry_at)
        session.held = held
        sessions.insert_session(self.connection, session)
        self.closed.append(session.id)
        return Admission(session_id=session.id, status=status, mode=session.mode, reason=reason, retry_at=retry_at)

    def _session(self, status: Status, *, reason: str | None = None, retry_at: datetime | None = None) -> SyncSession:
        return SyncSession(
            id=sessions.new_id(self.source.name, self.now),
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
            scheduled_for=self.due.scheduled_for,
        )

    def _mode(self) -> Mode:
        row = checkpoints.read(self.connection, self.source.name, self.due.account_id)
        return mode_due(self.source, row, self.due.mode, self.now)
