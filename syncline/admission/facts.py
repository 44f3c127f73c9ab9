"""Facts: all that is on record about a source when one of its runs is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from syncline.admission.due_run import DueRun, Queued
from syncline.model.policies import CatchUp, Mode
from syncline.model.session import SyncSession, Trigger
from syncline.model.source import Source
from syncline.model.tables import CheckpointRow, Hold, LeaseRow, QueuedRun
from syncline.store import checkpoints, holds, leases, missed, queue, sessions
from syncline.store.breakers import BreakerStatus

__all__ = ["Facts", "mode_due", "on_record", "read_facts"]


class _Unfinished(msgspec.Struct, frozen=True):
    """The part of a stored `PassState` that decides the mode; its other fields are skipped."""

    mode: Mode


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What `decide` decides from.

    Attributes:
        session_id: the id of the run's session; it breaks ties between runs of one tick.
        mode: how much the run will read.
        hold: the hold in force.
        breaker: the source's breaker.
        newest: the newest session that really ran or was deferred.
        running: the session that holds the lease; None if the lease is free, expired or of a dead process.
        queue: the runs that wait, the first one first; also places kept for deferred late runs.
        kept: the place that is kept for the deferred session which this run continues.
        continued: that deferred session.
        ticket: the run's own, if it asks again.
        earlier_pending: whether Prefect knows of an earlier tick whose run has not asked yet.
        timed_out: whether the run may wait no longer.
    """

    session_id: str
    mode: Mode
    breaker: BreakerStatus
    hold: Hold | None = None
    newest: SyncSession | None = None
    running: str | None = None
    queue: Sequence[QueuedRun] = ()
    kept: QueuedRun | None = None
    continued: SyncSession | None = None
    ticket: Queued | None = None
    earlier_pending: bool = False
    timed_out: bool = False


def read_facts(
    connection: Connection,
    source: Source,
    run: DueRun,
    now: datetime,
    *,
    breaker: BreakerStatus,
    lease: LeaseRow | None,
    ticket: Queued | None = None,
) -> Facts:
    """Read the facts; they stay true until the transaction ends if `lease` is the source's locked lease row."""
    target = source.target(run.account_id)
    goes_on = run.goes_on_for if run.trigger is Trigger.RETRY else None
    catches_up = source.catch_up is CatchUp.ALL
    return Facts(
        session_id=sessions.new_id(source.name, now) if ticket is None else ticket.session_id,
        mode=_mode(connection, source, run, now),
        breaker=breaker,
        hold=holds.active(connection, target, now=now),
        newest=sessions.latest_started(connection, target),
        running=None if lease is None or leases.is_lost(lease, lease.owner, now=now) else lease.owner,
        queue=queue.waiting(connection, target, now=now),
        kept=None if goes_on is None else queue.find(connection, goes_on, now=now),
        continued=sessions.find(connection, run.goes_on_for) if run.goes_on_for and catches_up else None,
        ticket=ticket,
    )


def on_record(connection: Connection, source: Source, run: DueRun) -> SyncSession | None:
    """The session of a run that was decided before, or whose tick was recorded as missed before it came."""
    known = None if run.flow_run_id is None else sessions.by_flow_run(connection, run.flow_run_id)
    if known is None and run.scheduled_for is not None and not run.account_id:
        return missed.unclaimed(connection, source.name, run.scheduled_for)
    return known


def mode_due(source: Source, row: CheckpointRow | None, asked: Mode, now: datetime) -> Mode:
    """How much the next pass reads: everything if that is asked for, begun, due, or all that the upstream can do."""
    if row is None or asked is Mode.FULL or not source.required_dataset.pages.incremental:
        return Mode.FULL
    if row.pass_state is not None and msgspec.json.decode(row.pass_state, type=_Unfinished).mode is Mode.FULL:
        return Mode.FULL
    if row.full_pass_at is None or row.cursor is None:
        return Mode.FULL
    every = source.required_dataset.deletes.full_pass_every_seconds
    due = every is not None and now - row.full_pass_at >= timedelta(seconds=every)
    return Mode.FULL if due else Mode.INCREMENTAL


def _mode(connection: Connection, source: Source, run: DueRun, now: datetime) -> Mode:
    if source.dataset is None:
        return run.mode
    return mode_due(source, checkpoints.read(connection, source.target(run.account_id)), run.mode, now)
