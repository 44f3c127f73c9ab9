"""Numbers and lengths of time as people say them."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Never

__all__ = ["age", "ago", "counted", "interval", "iso_instant", "lasted", "span", "unheard_of", "until"]

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
_TENTHS_BELOW_SECONDS = 10


def counted(value: int, noun: str) -> str:
    """A number of things: `1 page`, `1,200 pages`, `2 retries`."""
    if value == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else f"{noun}s"
    return f"{value:,} {plural}"


def age(seconds: float) -> str:
    """A length of time in its largest unit, rounded down: `3 min`, `2 h`; below a minute in seconds."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0) // 1:.0f} s"


def ago(instant: datetime | None, now: datetime) -> str:
    """How far an instant lies from `now`: `3 min ago`, `now`, `in 2 h`; a dash for never."""
    if instant is None:
        return "-"
    gap = (now - instant).total_seconds()
    if -1 < gap < 1:
        return "now"
    return f"{age(gap)} ago" if gap > 0 else f"in {age(-gap)}"


def until(instant: datetime, now: datetime) -> str:
    """How long until an instant: `in 3 min`; `due now` where it has passed."""
    return "due now" if (instant - now).total_seconds() < 1 else ago(instant, now)


def span(seconds: float) -> str:
    """A length of time in its two largest units: `0.8 s`, `42 s`, `1 min 20 s`, `2 h 5 min`."""
    if seconds < _TENTHS_BELOW_SECONDS:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    for (size, unit), (lower_size, lower_unit) in pairwise([*_UNITS, (1, "s")]):
        if whole >= size:
            rest = whole % size // lower_size
            return f"{whole // size} {unit}" + (f" {rest} {lower_unit}" if rest else "")
    return f"{whole} s"


def lasted(began: datetime, ended: datetime | None) -> str:
    """How long something took; a dash while it goes on."""
    return "-" if ended is None else span((ended - began).total_seconds())


def interval(seconds: float) -> str:
    """A length of time exactly, in the largest unit of which it is a whole number: `30 min`, `90 s`, `0.5 s`."""
    for size, unit in _UNITS:
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{round(seconds, 1 if seconds >= 1 else 3):g} s"


def unheard_of(value: Never) -> str:
    """The text of an enum's value that is none of its members.

    The last case of a `match` calls it: the type checker refuses a `match` that forgets a member, and at run time a
    value of a newer version, or of a damaged row, is shown as it is.
    """
    return str(value)


def iso_instant(instant: datetime) -> str:
    """`instant` (aware) as ISO 8601 in UTC with milliseconds, such as `2024-01-15T10:30:00.000Z`; the rest is cut."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
