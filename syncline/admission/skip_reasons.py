"""Why a due run may not start, decided from what is on record, in the words that users read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from syncline.admission.due_run import DueRun
from syncline.admission.ticks import begins_at, late_seconds
from syncline.model.policies import CatchUp
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.source import Source
from syncline.resilience.breaker import BreakerState

__all__ = ["left_out", "skip_reason_breaker", "skip_reason_deferral", "skip_reason_lateness"]


def skip_reason_breaker(source: str, state: BreakerState, retry_at: datetime | None) -> str:
    """Why a breaker in this state refuses runs."""
    if state is BreakerState.FORCED_OPEN or retry_at is None:
        return f"breaker: held open until `syncline breaker reset {source}`"
    until = f"{retry_at:%H:%M:%S} UTC"
    if state is BreakerState.OPEN:
        return f"breaker: open until {until}: it failed too often in a row"
    return f"breaker: half-open, and all its probes are out; the next at {until}"


def skip_reason_lateness(source: Source, newest: SyncSession | None, due: DueRun, now: datetime) -> str | None:
    """Why a late run is left out by the source's policy; None if it is on time, or runs although it is late."""
    tick, late = due.scheduled_for, late_seconds(source, due.scheduled_for, now)
    if tick is None or late is None or source.catch_up is CatchUp.ALL:
        return None
    if source.catch_up is CatchUp.NONE:
        return f"{round(late)} s late; late runs of {source.name} are left out"
    if newest is not None and newest.started_at >= begins_at(source, tick):
        return f"{round(late)} s late; session {newest.id} began after its time"
    if due.superseded_by is not None:
        return f"{round(late)} s late; the run due at {due.superseded_by:%Y-%m-%d %H:%M:%S} UTC goes in its place"
    return None


def left_out(source: Source, newest: SyncSession | None, runs: Iterable[DueRun], now: datetime) -> list[DueRun]:
    """Those of the `runs` of one schedule, none of which has begun, that are late and would be left out.

    Under `CatchUp.LATEST` the newest late run is not among them, unless a session began since; the others name it as
    the run that replaces them.
    """
    late = [run for run in runs if late_seconds(source, run.scheduled_for, now) is not None]
    last = max((run.scheduled_for for run in late if run.scheduled_for is not None), default=None)
    asked = [run if run.scheduled_for == last else replace(run, superseded_by=last) for run in late]
    return [run for run in asked if skip_reason_lateness(source, newest, run, now) is not None]


def skip_reason_deferral(newest: SyncSession | None, due: DueRun, now: datetime) -> str | None:
    """Why a run is left out while the source's newest session is deferred; None if it is not left out.

    A tick, or the retry of an older session, would meet the same rate limit and be deferred as well. A session that a
    hold deferred does not count: it may continue as soon as no hold is in force.
    """
    if newest is None or newest.status is not Status.DEFERRED or newest.held:
        return None
    if newest.retry_at is None or newest.retry_at <= now or not _is_superfluous(due, newest):
        return None
    day = "" if newest.retry_at.date() == now.date() else f"{newest.retry_at:%Y-%m-%d} "
    return f"deferred until {day}{newest.retry_at:%H:%M:%S} UTC with session {newest.id}: {newest.reason}"


def _is_superfluous(due: DueRun, newest: SyncSession) -> bool:
    """Whether nobody asked for the run, and it is not the retry of `newest`."""
    if due.trigger is Trigger.RETRY:
        return due.goes_on_for not in {None, newest.id}
    return due.trigger is Trigger.SCHEDULE
