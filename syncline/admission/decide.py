"""The decision on a due run: a pure function of the facts. Nothing is read, written or locked here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from syncline.admission.due_run import DueRun
from syncline.admission.facts import Facts
from syncline.admission.skip_reasons import skip_reason_breaker, skip_reason_deferral, skip_reason_lateness
from syncline.admission.turn import OverlapDecision, catches_up, first_before, overlap_decision, tick_of
from syncline.model.session import Trigger
from syncline.model.source import Source
from syncline.resilience.breaker import BreakerState

__all__ = ["Decision", "Defer", "Miss", "Refusal", "Skip", "Start", "Wait", "decide", "refusal"]

_RETRY_AFTER = timedelta(seconds=60)
"""How long after it was deferred a run asks again for its turn."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """The run starts."""


@dataclass(frozen=True, kw_only=True)
class Skip:
    """The run does not happen; `retry_at` says when another one could, if that is known."""

    reason: str
    retry_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Miss:
    """The run is late, and another one replaces it."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Defer:
    """The run is to continue later.

    Attributes:
        reason: why not now.
        retry_at: when; None until a hold without an end is released.
        held: whether a hold is the reason.
        kept_tick: the place in the queue that is kept for it; None if none is.
        asks_to_end: the running session that is asked to end for it.
    """

    reason: str
    retry_at: datetime | None
    held: bool = False
    kept_tick: datetime | None = None
    asks_to_end: str | None = None


@dataclass(frozen=True, kw_only=True)
class Wait:
    """The run joins the queue, or keeps its place there.

    Attributes:
        reason: what it waits for.
        tick: its position in the queue.
        catches_up: whether it is one of several late runs that are all to run.
        asks_to_end: the running session that is asked to end for it.
    """

    reason: str
    tick: datetime
    catches_up: bool = False
    asks_to_end: str | None = None


Refusal: TypeAlias = Skip | Defer | Miss
Decision: TypeAlias = Start | Refusal | Wait


def decide(facts: Facts, source: Source, run: DueRun, now: datetime) -> Decision:
    """Whether the run starts, is refused, or waits for its turn."""
    return refusal(facts, source, run, now) or _in_turn(facts, source, run, now)


def refusal(facts: Facts, source: Source, run: DueRun, now: datetime) -> Refusal | None:
    """Why the run may not start even if nothing else runs; None if nothing forbids it.

    In this order: a hold, lateness, a deferred session that the run would only repeat, an open breaker.
    """
    return (
        _held(facts, run)
        or _late(facts, source, run, now)
        or _superfluous(facts, source, run, now)
        or _tripped(facts, source)
    )


def _held(facts: Facts, run: DueRun) -> Skip | Defer | None:
    """A run that continues a deferred session is deferred again, so that its work is not forgotten."""
    if facts.hold is None:
        return None
    reason, until = f"paused: {facts.hold.reason}", facts.hold.expires_at
    if run.trigger is Trigger.RETRY:
        return Defer(reason=reason, retry_at=until, held=True)
    return Skip(reason=reason, retry_at=until)


def _late(facts: Facts, source: Source, run: DueRun, now: datetime) -> Miss | None:
    """A run with a ticket was on time when it first asked."""
    reason = None if facts.ticket else skip_reason_lateness(source, facts.newest, run, now)
    return None if reason is None else Miss(reason=reason)


def _superfluous(facts: Facts, source: Source, run: DueRun, now: datetime) -> Skip | None:
    reason = skip_reason_deferral(facts.newest, run, now)
    if facts.newest is None or reason is None or catches_up(facts, source, run, now):
        return None
    return Skip(reason=reason, retry_at=facts.newest.retry_at)


def _tripped(facts: Facts, source: Source) -> Skip | None:
    """A half-open breaker refuses nothing here: the run asks it for a probe once it has started."""
    breaker = facts.breaker
    if breaker.state not in {BreakerState.OPEN, BreakerState.FORCED_OPEN}:
        return None
    return Skip(
        reason=skip_reason_breaker(source.name, breaker.state, breaker.retry_at),
        retry_at=breaker.retry_at,
    )


def _in_turn(facts: Facts, source: Source, run: DueRun, now: datetime) -> Decision:
    """Start if it is the run's turn; else wait, or be deferred or skipped."""
    until, is_late = _deferred_until(facts, source, run, now), catches_up(facts, source, run, now)
    if until is not None:
        reason = skip_reason_deferral(facts.newest, run, now) or ""
        return _defer(facts, run, now, OverlapDecision(waits=True, reason=reason), until=until, is_late=is_late)
    first = first_before(facts, source, run, now)
    if facts.running is None and first is None and not (facts.earlier_pending and is_late):
        return Start()
    # who has a ticket was let into the queue before, and is not skipped for another one that waits there
    waiting = first if facts.ticket is None or is_late else None
    overlap = overlap_decision(source.overlap, running=facts.running, waiting=waiting, catches_up=is_late)
    if not overlap.waits:
        return Skip(reason=overlap.reason)
    if facts.timed_out:
        return _defer(facts, run, now, overlap, until=now + _RETRY_AFTER, is_late=is_late)
    asked = facts.running if overlap.asks else None
    return Wait(reason=overlap.reason, tick=tick_of(facts, run, now), catches_up=is_late, asks_to_end=asked)


def _deferred_until(facts: Facts, source: Source, run: DueRun, now: datetime) -> datetime | None:
    """Until when a late run would start in vain: the source waits for a rate limit or a budget."""
    newest = facts.newest
    if newest is None or not catches_up(facts, source, run, now):
        return None
    if any(row.session_id == newest.id for row in facts.queue):
        return None  # it was deferred for its turn, which first_before takes into account
    return None if skip_reason_deferral(newest, run, now) is None else newest.retry_at


def _defer(
    facts: Facts, run: DueRun, now: datetime, overlap: OverlapDecision, *, until: datetime, is_late: bool
) -> Defer:
    """The wait was too long; a late run keeps its place."""
    waited = 0 if facts.ticket is None else (now - facts.ticket.since).total_seconds()
    return Defer(
        reason=f"{overlap.reason}; waited {waited:.0f} s" if waited else overlap.reason,
        retry_at=until,
        kept_tick=tick_of(facts, run, now) if is_late else None,
        asks_to_end=facts.running if overlap.asks else None,
    )
