"""Makes the report from the facts on each source: a pure function, without database, Prefect or clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from syncline.model.session import Status
from syncline.resilience.breaker import BreakerState
from syncline.status.overview import SourceOverview
from syncline.status.problems import Problem, ProblemKind, unattended
from syncline.status.protection import Protection, breaker_words
from syncline.status.report import NextRun, Report, SourceReport, State
from syncline.status.schedules import Cadence, Schedule, Schedules
from syncline.words import age, counted, unheard_of

__all__ = ["LATE_AFTER", "report"]

LATE_AFTER = timedelta(minutes=1)
"""A run may begin this long after it was due: Prefect and the start of a process take some of it."""
_STATUSES = frozenset(Status)
"""Those that this version knows."""
_PARTIAL_TIMES = 3
"""So many partial runs in a row are a problem."""


def report(
    seen: Iterable[SourceOverview],
    protections: Mapping[str, Protection],
    schedules: Schedules,
    missing: Mapping[str, str | None],
    now: datetime,
    *,
    unattended_seconds: float | None = None,
) -> Report:
    """What all of that means at `now`; `missing` names the setting that a source's upstream lacks.

    `unattended_seconds` is for how long the first job of an account has been due that no drain works on.
    """
    sources = tuple(
        _Case(
            seen=one,
            protection=protections[one.name],
            schedule=schedules.by_source.get(one.name),
            unknown=schedules.unknown,
            cadence=schedules.cadences.get(one.name),
            missing=missing.get(one.name),
            now=now,
        ).judged()
        for one in seen
    )
    faults = {ProblemKind.PREFECT: schedules.unknown, ProblemKind.SETTINGS: schedules.unreadable}
    if unattended_seconds is not None:
        faults[ProblemKind.NOBODY_DRAINS] = unattended(unattended_seconds)
    problems = tuple(Problem(kind=kind, sentence=one) for kind, one in faults.items() if one is not None)
    return Report(at=now, sources=sources, problems=problems)


@dataclass(frozen=True, kw_only=True)
class _Case:
    """All that is known of one source, and what follows from it."""

    seen: SourceOverview
    protection: Protection
    schedule: Schedule | None
    unknown: str | None
    cadence: Cadence | None
    missing: str | None
    now: datetime

    def judged(self) -> SourceReport:
        state = self._state()
        return SourceReport(
            state=state,
            problems=() if state is State.NOT_SET_UP else tuple(self._problems(state)),
            next_run=self._next_run(),
            missing=self.missing,
            cadence=self.cadence,
            seen=self.seen,
            protection=self.protection,
        )

    def _state(self) -> State:
        """What it does now, else what keeps it from running, else how long it has been silent, else how it ended."""
        open_session = self.seen.progress
        if open_session is not None and not open_session.has_died and self._silent_since() is None:
            return State.WAITING if self._waits() else State.RUNNING
        if self.missing is not None:
            return State.NOT_SET_UP
        if self.seen.is_held or self.protection.breaker.state is BreakerState.FORCED_OPEN:
            return State.PAUSED
        if self._is_stopped():
            return State.STOPPED
        return State.STALLED if open_session is not None else self._delayed() or self._left()

    def _delayed(self) -> State | None:
        """How long it has been silent; None if it is not too long."""
        if self._silent_since() is not None:
            return State.STALLED if self.unknown is None else State.UNKNOWN
        return None if self._late_since() is None else State.LATE

    def _left(self) -> State:  # noqa: PLR0911 - a line for each status
        """The state that its last run left."""
        last, newest = self.seen.last_run, self.seen.last
        if newest is not None and newest.status not in _STATUSES:
            return State.UNKNOWN
        if last is None:
            return State.FAILING if self._is_refusing() else State.NEW
        match last.status:
            case Status.COMPLETED | Status.PARTIAL:
                return self._stored()
            case Status.FAILED | Status.CRASHED:
                return State.FAILING
            case Status.DEFERRED:
                return State.DEFERRED
            case Status.CANCELLED:
                return State.CANCELLED
            case Status.RUNNING | Status.SKIPPED | Status.MISSED:
                return State.NEW  # none of them is an end of a run
        unheard_of(last.status)
        return State.UNKNOWN

    def _stored(self) -> State:
        """The state after a run that completed, wholly or in part."""
        last, again = self.seen.recent.last, self.seen.recent.partial_in_a_row
        if self._rejected() is not None or again >= _PARTIAL_TIMES:
            return State.DEGRADED
        return State.PARTIAL if last is not None and last.status is Status.PARTIAL else State.UP_TO_DATE

    def _problems(self, state: State) -> Iterable[Problem]:
        if not self.protection.is_closed:
            yield Problem(kind=ProblemKind.BREAKER, sentence=f"breaker: {breaker_words(self.protection)}")
        last = self.seen.recent.last
        rejected, again = self._rejected(), self.seen.recent.partial_in_a_row
        if rejected is not None:
            yield Problem(kind=ProblemKind.REJECTED, sentence=rejected)
        elif last is not None and last.error is not None:
            yield Problem(kind=ProblemKind.FAILED, sentence=f"the last run {last.status.value}: {last.error}")
        if again >= _PARTIAL_TIMES and last is not None:
            why = f": {last.session.reason}" if last.session.reason else ""
            yield Problem(kind=ProblemKind.PARTIAL_AGAIN, sentence=f"the last {again} runs were partial{why}")
        yield from self._decisions_wanted()
        yield from self._troubles_of_time(state)

    def _decisions_wanted(self) -> Iterable[Problem]:
        """What an operator must decide, or set."""
        if self.seen.deletion_refused:
            yield Problem(kind=ProblemKind.DELETION_REFUSED, sentence="its last full pass refused to delete rows")
        for hold in self.seen.holds:
            if hold.refused is not None:
                of = "" if not hold.account_id else f"account {hold.account_id}: "
                yield Problem(kind=ProblemKind.CREDENTIALS_REFUSED, sentence=f"{of}held: {hold.reason}")

    def _troubles_of_time(self, state: State) -> Iterable[Problem]:
        """Problems of its schedule: dead, stalled, late, not deployed."""
        since, late = self._silent_since(), self._late_since()
        quiet = "" if since is None else f"no sign of life since {_instant(since)} ({self._age(since)} ago)"
        if self.seen.progress is not None and self.seen.progress.has_died:
            said = f"the process of session {self.seen.progress.session.id} has ended without closing it"
            yield Problem(kind=ProblemKind.PROCESS_DIED, sentence=said)
        elif state is State.STALLED:
            yield Problem(kind=ProblemKind.STALLED, sentence=f"stalled: {quiet}, longer than its schedule explains")
        elif state is State.UNKNOWN:
            why = f"{quiet}; whether that is meant is not known" if quiet else "its last session has an unknown status"
            yield Problem(kind=ProblemKind.UNKNOWN, sentence=why)
        if late is not None and self.seen.progress is None and state is not State.STOPPED:
            sentence = f"late: a run was due at {_instant(late)} ({self._age(late)} ago) and has not begun"
            yield Problem(kind=ProblemKind.LATE, sentence=sentence)
        if self.unknown is None and self.schedule is None and self.cadence is not None:
            mend = "`syncline up` serves it, or `syncline deploy` gives it to workers"
            yield Problem(kind=ProblemKind.NOT_DEPLOYED, sentence=f"Prefect does not know its deployment: {mend}")

    def _next_run(self) -> NextRun:
        if self.missing is not None:
            return NextRun(why=f"never: {self.missing} is not set")
        if self.unknown is not None:
            return NextRun(
                why="stopped, when Prefect last told" if self._is_stopped() else "unknown: Prefect did not tell"
            )
        if self.schedule is None:
            return NextRun(why="not deployed" if self.cadence is not None else "no schedule")
        return self._planned(self.schedule)

    def _planned(self, plan: Schedule) -> NextRun:
        """When it runs next by what Prefect has planned."""
        if not plan.active:
            return NextRun(why="stopped", schedule=plan.text, active=False)
        if plan.next_run_at is None:
            return NextRun(why="not planned", schedule=plan.text, active=True)
        late = self._late_since()
        if late is not None and self.seen.progress is None:
            return NextRun(why="late", due_since=plan.next_run_at, schedule=plan.text, active=True)
        refused = self._refused_until()
        if refused is not None and (refused[1] is None or refused[1] > plan.next_run_at):
            return self._after(plan.next_run_at, plan, *refused)
        due = plan.next_run_at if plan.next_run_at < self.now else None
        return NextRun(at=max(plan.next_run_at, self.now), due_since=due, schedule=plan.text, active=True)

    def _refused_until(self) -> tuple[str, datetime | None] | None:
        """Why a tick would start no run, and until when, if that is known; None if it would."""
        if self.protection.breaker.state is BreakerState.FORCED_OPEN:
            return "breaker held open", None
        holds = [hold.expires_at for hold in self.seen.holds if not hold.account_id]
        if holds:
            return "held", None if None in holds else max(one for one in holds if one is not None)
        if self.protection.breaker.state is BreakerState.OPEN and self.protection.breaker.retry_at is not None:
            return "breaker open", self.protection.breaker.retry_at
        last = self.seen.last_run
        if last is not None and last.status is Status.DEFERRED and last.retry_at is not None:
            return "deferred", last.retry_at
        return None

    def _after(self, tick: datetime, plan: Schedule, why: str, until: datetime | None) -> NextRun:
        """The first run that is not refused: what was deferred goes on by itself, all else waits for its next tick.

        A cron's ticks are not counted here; what it waits for is told in place of an instant.
        """
        every = None if self.cadence is None else self.cadence.interval_seconds
        if until is not None and why == "deferred":
            return NextRun(at=until, schedule=plan.text, active=True)
        if until is None or every is None:
            return NextRun(why=why, schedule=plan.text, active=True)
        ticks = ceil((until - tick).total_seconds() / every)
        return NextRun(at=tick + ticks * timedelta(seconds=every), schedule=plan.text, active=True)

    def _is_stopped(self) -> bool:
        """Whether its schedule is off; while Prefect does not tell, whether it was when Prefect last did."""
        if self.schedule is None:
            return self.unknown is not None and self.seen.was_off
        return not self.schedule.active

    def _is_refusing(self) -> bool:
        return self.protection.breaker.state in {BreakerState.OPEN, BreakerState.FORCED_OPEN}

    def _waits(self) -> bool:
        """Whether its open session waits, until a time that has not come or is not known."""
        beat = self.seen.heartbeat
        if beat is None or beat.waiting_for is None:
            return False
        return beat.waiting_until is None or beat.waiting_until > self.now

    def _late_since(self) -> datetime | None:
        """Since when a run is due that should have begun; None if none is."""
        due = None if self.schedule is None or not self.schedule.active else self.schedule.next_run_at
        return due if due is not None and due + LATE_AFTER < self.now else None

    def _silent_since(self) -> datetime | None:
        """The last sign of life, where it is too long ago for its schedule, and nothing known explains it."""
        began = self.seen.began_at
        if self.cadence is None or began is None or self._is_excused():
            return None
        sign = self._last_sign(self.cadence, began)
        stalled_at = self.cadence.stalled_at(max(sign, self._cooled_at() or sign), self.now)
        return sign if stalled_at is not None and self.now > stalled_at else None

    def _is_excused(self) -> bool:
        """Whether it waits until a known time, or its breaker keeps it from running."""
        beat, last, is_open = self.seen.heartbeat, self.seen.last_run, self.seen.progress is not None
        running = beat.waiting_until if is_open and beat is not None else None
        deferred_until = last.retry_at if not is_open and last is not None and last.status is Status.DEFERRED else None
        waits = any(until is not None and until > self.now for until in (running, deferred_until))
        return waits or (not is_open and self._is_refusing())

    def _last_sign(self, cadence: Cadence, began: datetime) -> datetime:
        """From when on its silence counts: since the last run began; of one that outlasts its interval, the last beat.

        So a run that takes hours lives as long as it tells of its pages, and leaves time for the run after it.
        """
        beat, interval = self.seen.heartbeat, cadence.interval_seconds
        if beat is None or beat.last_beat <= began:
            return began
        outlasts = interval is None or (beat.last_beat - began).total_seconds() > interval
        return beat.last_beat if outlasts or self.seen.progress is not None else began

    def _cooled_at(self) -> datetime | None:
        """When the cool-down of its half-open breaker ended: half-open comes by the clock alone."""
        breaker = self.protection.breaker
        if breaker.state is not BreakerState.HALF_OPEN or breaker.opened_at is None:
            return None
        return breaker.opened_at + timedelta(seconds=self.protection.policy.reset_after_seconds)

    def _rejected(self) -> str | None:
        """What the last run could not store, if that is all or most of it."""
        last = self.seen.recent.last
        if last is None or not (last.stored_nothing or last.is_mostly_rejected):
            return None
        one = last.session
        items = counted(one.items_processed, "item")
        if last.stored_nothing:
            return f"the last run stored nothing: all of {items} were rejected (`syncline rejects {one.id}`)"
        return f"the last run rejected {one.items_rejected:,} of {items} (`syncline rejects {one.id}`)"

    def _age(self, since: datetime) -> str:
        return age((self.now - since).total_seconds())


def _instant(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
