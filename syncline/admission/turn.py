"""Whose turn it is at a source, decided from who runs and who waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from syncline.admission.due_run import DueRun
from syncline.admission.facts import Facts
from syncline.admission.ticks import late_seconds
from syncline.model.policies import CatchUp, Overlap
from syncline.model.source import Source
from syncline.store import queue

__all__ = ["OverlapDecision", "answered_tick", "catches_up", "first_before", "overlap_decision", "tick_of"]


@dataclass(frozen=True, kw_only=True)
class OverlapDecision:
    """What happens to a run that cannot start now.

    Attributes:
        waits: whether it waits for its turn; else it is skipped.
        asks: whether the running session is asked to end.
        reason: why, in words.
    """

    waits: bool
    asks: bool = False
    reason: str


def overlap_decision(
    overlap: Overlap, *, running: str | None, waiting: str | None, catches_up: bool = False
) -> OverlapDecision:
    """Decide by the policy.

    Args:
        overlap: the source's policy.
        running: the session that runs; None if another one is only about to start.
        waiting: the session that waits already and goes before this one; None if there is none.
        catches_up: whether the run is one of several late ones that are all to run.
    """
    if catches_up:
        first = running or waiting
        return OverlapDecision(
            waits=True, reason=f"catch-up: {f'session {first}' if first else 'an earlier run'} goes first"
        )
    if waiting is not None and (overlap is not Overlap.SKIP or running is None):
        runs = "overlap: " if running is None else f"overlap: session {running} runs, and "
        return OverlapDecision(waits=False, reason=f"{runs}session {waiting} waits")
    met = f"overlap: {'another session' if running is None else f'session {running}'}"
    if overlap is Overlap.CANCEL_RUNNING:
        return OverlapDecision(waits=True, asks=running is not None, reason=f"{met} was asked to end")
    return OverlapDecision(waits=overlap is Overlap.QUEUE, reason=f"{met} is running")


def catches_up(facts: Facts, source: Source, run: DueRun, now: datetime) -> bool:
    """Whether the run is one of several late ones that are all to run, or is due while such runs wait."""
    if source.catch_up is not CatchUp.ALL:
        return False
    if facts.ticket is not None:
        return facts.ticket.catches_up
    if facts.kept is not None:
        return True
    is_late = late_seconds(source, run.scheduled_for, now) is not None
    return is_late or (run.scheduled_for is not None and bool(facts.queue))


def tick_of(facts: Facts, run: DueRun, now: datetime) -> datetime:
    """The run's position in the queue: when it was due; if it has no schedule, when it first asked."""
    if facts.ticket is not None:
        return facts.ticket.tick
    if facts.kept is not None:
        return facts.kept.tick
    return run.scheduled_for or now


def answered_tick(facts: Facts, source: Source, run: DueRun, now: datetime) -> datetime | None:
    """The tick of the schedule that the session is recorded for, also if it continues a deferred late run."""
    if run.scheduled_for is not None or facts.continued is None or not catches_up(facts, source, run, now):
        return run.scheduled_for
    return facts.continued.scheduled_for


def first_before(facts: Facts, source: Source, run: DueRun, now: datetime) -> str | None:
    """The session that goes before this run; None if it is the run's turn.

    A late run waits also for places that are kept for deferred ones; any other run only for processes that wait now.
    """
    is_late = catches_up(facts, source, run, now)
    others = [row for row in facts.queue if row.session_id not in {facts.session_id, run.goes_on_for}]
    waiting = others if is_late else [row for row in others if queue.is_here(row)]
    in_order = is_late or facts.ticket is not None
    mine = tick_of(facts, run, now), facts.session_id
    before = [row for row in waiting if not in_order or (row.tick, row.session_id) < mine]
    return before[0].session_id if before else None
