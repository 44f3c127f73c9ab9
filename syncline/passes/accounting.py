"""Accounting for ticks: which ones of a schedule were due, and which of those nothing answered; pure decisions.

A look at the schedules is a point in time: what Prefect says then is in force until it says otherwise. The spans
between these points, and the gaps in which nothing looked, are kept with the deployment (`syncline.model.timetable`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

__all__ = [
    "SETTLING",
    "Accounted",
    "Gap",
    "Span",
    "Window",
    "account",
    "cause_of",
    "changed",
    "dump",
    "gap_between",
    "load_gaps",
    "load_spans",
    "spans_after",
    "stopped_windows",
    "windows",
]

SETTLING = timedelta(seconds=45)
"""A tick is looked at this long after it was due: its run is on record by then, if there is one."""
_LOOKED_AWAY = timedelta(minutes=2)
"""Looks come every 15 seconds; after a longer pause nothing was running."""
_TICK = timedelta(microseconds=1)
NOT_PLANNED = "Prefect's server planned no run of it"


@dataclass(frozen=True, kw_only=True)
class Span:
    """From `since` on, up to the next span, these schedules were in force.

    Attributes:
        since: an aware instant.
        schedules: each as a JSON text (`deployments.schedules.ticks.as_text`); none while the deployment was stopped
            or paused.
    """

    since: datetime
    schedules: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Gap:
    """From `since` to `until` nothing could look after the schedules, for this `cause`."""

    since: datetime
    until: datetime
    cause: str


@dataclass(frozen=True, kw_only=True)
class Window:
    """A part of a span that is to be accounted for: its ticks after `after`, up to `until`."""

    after: datetime
    until: datetime
    schedules: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Accounted:
    """What was found of the ticks that were due.

    Attributes:
        missed: those that nothing answered, the earliest first.
        accounted_to: each tick up to here has an outcome once the missed ones are on record.
    """

    missed: tuple[datetime, ...]
    accounted_to: datetime


def changed(spans: Sequence[Span], schedules: tuple[str, ...], *, at: datetime) -> tuple[Span, ...]:
    """The spans, with one more where other `schedules` are in force now, since `at`."""
    if spans and spans[-1].schedules == schedules:
        return tuple(spans)
    kept = [span for span in spans if span.since < at]
    return (*kept, Span(since=at, schedules=schedules))


def windows(spans: Sequence[Span], *, after: datetime, until: datetime) -> list[Window]:
    """What of the spans lies after `after`, up to `until`, and has schedules."""
    ends = [*(span.since - _TICK for span in spans[1:]), until]
    found = [
        Window(after=max(after, span.since - _TICK), until=min(end, until), schedules=span.schedules)
        for span, end in zip(spans, ends, strict=True)
        if span.schedules
    ]
    return [window for window in found if window.after < window.until]


def spans_after(spans: Sequence[Span], instant: datetime) -> list[Span]:
    """The spans that do not end before `instant`."""
    return [
        span
        for span, next_one in zip(spans, [*spans[1:], None], strict=True)
        if next_one is None or next_one.since > instant
    ]


def account(
    due: Iterable[datetime], *, answered: Collection[datetime], coming: Collection[datetime], until: datetime
) -> Accounted:
    """Decide on the ticks that were due up to `until`.

    Args:
        due: the ticks.
        answered: those that have an outcome on record, or a session at work.
        coming: those whose run is on record and may still begin, or be found dead: they are looked at again.
        until: how far the ticks were looked at.
    """
    open_ticks = sorted(tick for tick in set(due) if tick not in answered)
    waiting = [tick for tick in open_ticks if tick in coming]
    missed = tuple(tick for tick in open_ticks if tick not in coming)
    return Accounted(missed=missed, accounted_to=min([until, *(tick - _TICK for tick in waiting)]))


def gap_between(seen_at: datetime, now: datetime, *, away_since: datetime | None) -> Gap | None:
    """What kept the schedules from being looked at from `seen_at` to `now`; None where nothing did."""
    if now - seen_at <= _LOOKED_AWAY:
        return None
    span = f"from {_spoken(seen_at)} to {_spoken(now)}"
    if away_since is not None and away_since - seen_at <= _LOOKED_AWAY:
        return Gap(since=seen_at, until=now, cause=f"Prefect's server could not be reached {span}")
    return Gap(since=seen_at, until=now, cause=f"Syncline was not running {span}")


def cause_of(tick: datetime, gaps: Sequence[Gap]) -> str:
    """Why nothing answered the tick: what is known of the time when it was due."""
    return next((f"{NOT_PLANNED}: {gap.cause}" for gap in gaps if gap.since <= tick <= gap.until), NOT_PLANNED)


def stopped_windows(changes: Iterable[tuple[datetime, str]]) -> list[tuple[datetime, datetime]]:
    """From when to when operators had stopped a source and started it again.

    `changes` are the actions of its audit log, `schedule.stop` and `schedule.start`, in their order. A stop that was
    not undone is seen in the schedules themselves.
    """
    found: list[tuple[datetime, datetime]] = []
    stopped_at: datetime | None = None
    for at, action in changes:
        if action == "schedule.stop":
            stopped_at = stopped_at or at
        elif stopped_at is not None:
            found.append((stopped_at, at))
            stopped_at = None
    return found


def dump(parts: Sequence[Span] | Sequence[Gap]) -> str:
    """The parts as JSON."""
    return json.dumps([asdict(part) for part in parts], default=datetime.isoformat)


def load_spans(text: str) -> tuple[Span, ...]:
    """The spans that `dump` wrote."""
    return tuple(
        Span(since=datetime.fromisoformat(one["since"]), schedules=tuple(one["schedules"])) for one in json.loads(text)
    )


def load_gaps(text: str) -> tuple[Gap, ...]:
    """The gaps that `dump` wrote."""
    return tuple(
        Gap(
            since=datetime.fromisoformat(one["since"]),
            until=datetime.fromisoformat(one["until"]),
            cause=one["cause"],
        )
        for one in json.loads(text)
    )


def _spoken(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
