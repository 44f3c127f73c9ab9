"""Instants and spans as people say them: `3 min ago`, `in 2 h`, `1 min 20 s`."""

from datetime import datetime
from itertools import pairwise

from syncline.model.session import SyncSession

__all__ = ["ago", "lasted", "span"]

_LONG = ((86_400, "d"), (3_600, "h"), (60, "min"))
_EXACT_BELOW_SECONDS = 10


def ago(then: datetime | None, now: datetime) -> str:
    """How far `then` lies from `now`, in its largest unit; a dash for never."""
    if then is None:
        return "-"
    gap = (now - then).total_seconds()
    if -1 < gap < 1:
        return "now"
    return f"{_largest(gap)} ago" if gap > 0 else f"in {_largest(-gap)}"


def span(seconds: float) -> str:
    """A length of time in its two largest units: `0.8 s`, `42 s`, `1 min 20 s`, `2 h 5 min`."""
    if seconds < _EXACT_BELOW_SECONDS:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    units = [*_LONG, (1, "s")]
    for (unit, name), (below, below_name) in pairwise(units):
        if whole >= unit:
            rest = whole % unit // below
            return f"{whole // unit} {name}" + (f" {rest} {below_name}" if rest else "")
    return f"{whole} s"


def lasted(session: SyncSession) -> str:
    """How long a session took; a dash while it runs."""
    if session.completed_at is None:
        return "-"
    return span((session.completed_at - session.started_at).total_seconds())


def _largest(seconds: float) -> str:
    for unit, name in _LONG:
        if seconds >= unit:
            return f"{int(seconds // unit)} {name}"
    return f"{int(seconds)} s"
