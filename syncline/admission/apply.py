"""A decision is written: lease, queue, sessions and totals, always in this order of locks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from syncline.admission.decide import Decision, Defer, Miss, Refusal, Skip, Start, Wait
from syncline.admission.due_run import Admission, DueRun, Queued
from syncline.admission.facts import Facts
from syncline.admission.turn import answered_tick
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.source import Source
from syncline.model.target import Target
from syncline.store import checkpoints, heartbeats, leases, queue, sessions

__all__ = ["Writing", "apply"]

_CONTINUES = frozenset({Trigger.SCHEDULE, Trigger.RETRY})
"""Full runs that continue an unfinished pass; a person who asks for one wants everything read."""
_STATUS = {Skip: Status.SKIPPED, Defer: Status.DEFERRED, Miss: Status.MISSED}


@dataclass(frozen=True, kw_only=True)
class Writing:
    """What is written of one run in one transaction.

    Attributes:
        closed: sessions that got their outcome; their subscribers are called once the transaction is committed.
        beats: heartbeats to write once it is committed.
    """

    source: Source
    run: DueRun
    facts: Facts
    now: datetime
    closed: list[str] = field(default_factory=list[str])
    beats: list[heartbeats.Beat] = field(default_factory=list[heartbeats.Beat])

    @property
    def target(self) -> Target:
        """What the run brings up to date, and whose lease it must hold."""
        return self.source.target(self.run.account_id)

    def session(self, status: Status, reason: str | None = None, retry_at: datetime | None = None) -> SyncSession:
        """The run's session with this status."""
        return SyncSession(
            id=self.facts.session_id,
            source=self.target.source,
            account_id=self.target.account_id,
            trigger=self.run.trigger,
            mode=self.facts.mode,
            status=status,
            reason=reason,
            started_at=self.now,
            completed_at=None if status is Status.RUNNING else self.now,
            retry_at=retry_at,
            flow_run_id=self.run.flow_run_id,
            scheduled_for=answered_tick(self.facts, self.source, self.run, self.now),
        )


def apply(
    connection: Connection, decision: Decision, process: leases.Process, writing: Writing
) -> Admission | Queued | None:
    """Write the decision; None if another run took the lease since the facts were read, so that they are stale.

    Only a lease without a row can be taken in between: a row is locked before the facts are read.
    """
    match decision:
        case Start():
            return _start(connection, process, writing)
        case Wait():
            return _wait(connection, decision, process, writing)
        case Skip() | Defer() | Miss():
            return _refuse(connection, decision, writing)


def _start(connection: Connection, process: leases.Process, writing: Writing) -> Admission | None:
    run, now = writing.run, writing.now
    session = writing.session(Status.RUNNING)
    if leases.acquire(connection, writing.target, session.id, process=process, now=now) is None:
        return None
    _leave_queue(connection, writing.facts)
    _close_abandoned(connection, writing)
    if run.mode is Mode.FULL and run.trigger not in _CONTINUES:
        checkpoints.forget_pass(connection, writing.target)
    sessions.insert_session(connection, session)
    writing.beats.append(partial(heartbeats.began, target=writing.target, now=now))
    return Admission.of(session)


def _close_abandoned(connection: Connection, writing: Writing) -> None:
    """Close sessions that a dead process left open; they failed, as they would have if the reconciler came first."""
    target, keep = writing.target, writing.facts.session_id
    closed = sessions.close_abandoned(connection, target, keep=keep, now=writing.now)
    if closed:
        writing.beats.append(partial(heartbeats.crashed, target=target, times=len(closed)))
    writing.closed.extend(closed)


def _wait(connection: Connection, decision: Wait, process: leases.Process, writing: Writing) -> Queued:
    facts, now = writing.facts, writing.now
    _ask_to_end(connection, decision.asks_to_end, writing)
    _leave_kept(connection, facts)
    queue.join(connection, writing.target, facts.session_id, tick=decision.tick, process=process, now=now)
    return Queued(
        session_id=facts.session_id,
        tick=decision.tick,
        since=now if facts.ticket is None else facts.ticket.since,
        catches_up=decision.catches_up,
        reason=decision.reason,
    )


def _refuse(connection: Connection, decision: Refusal, writing: Writing) -> Admission:
    """Put on record why the run does not start."""
    retry_at = None if isinstance(decision, Miss) else decision.retry_at
    session = writing.session(_STATUS[type(decision)], decision.reason, retry_at)
    if isinstance(decision, Defer):
        session.held = decision.held
        _ask_to_end(connection, decision.asks_to_end, writing)
    if isinstance(decision, Defer) and decision.kept_tick is not None and retry_at is not None:
        _leave_kept(connection, writing.facts)
        queue.step_out(connection, writing.target, session.id, tick=decision.kept_tick, back_at=retry_at)
    else:
        _leave_queue(connection, writing.facts)
    sessions.insert_session(connection, session)
    writing.closed.append(session.id)
    return Admission.of(session)


def _ask_to_end(connection: Connection, running: str | None, writing: Writing) -> None:
    if running is not None:
        leases.ask_to_end(connection, writing.target, running, by=writing.facts.session_id)


def _leave_queue(connection: Connection, facts: Facts) -> None:
    _leave_kept(connection, facts)
    if facts.ticket is not None:
        queue.leave(connection, facts.ticket.session_id)


def _leave_kept(connection: Connection, facts: Facts) -> None:
    if facts.kept is not None:
        queue.leave(connection, facts.kept.session_id)
