"""How the page says numbers and times."""

from __future__ import annotations

from datetime import datetime, timedelta

from syncline.model.session import SyncSession

__all__ = ["ago", "exact", "lasted", "number", "span", "until"]

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
_JUST_NOW_SECONDS = 2


def number(value: float) -> str:
    """With commas: 12,345."""
    return f"{value:,.0f}"


def span(length: timedelta) -> str:
    """A length of time by its one or two largest units: 850 ms, 4.2 s, 3 min 20 s, 2 h 5 min."""
    seconds = max(length.total_seconds(), 0)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    return _two_units(round(seconds))


def _two_units(seconds: int) -> str:
    sizes = [*_UNITS, (1, "s")]
    first = next(place for place, (size, _) in enumerate(sizes) if seconds >= size)
    size, unit = sizes[first]
    lower_size, lower_unit = sizes[first + 1]
    rest = seconds % size // lower_size
    return f"{seconds // size} {unit}" + (f" {rest} {lower_unit}" if rest else "")


def ago(instant: datetime, now: datetime) -> str:
    """How long since: `3 min ago`."""
    seconds = (now - instant).total_seconds()
    return "just now" if seconds < _JUST_NOW_SECONDS else f"{_one_unit(seconds)} ago"


def until(instant: datetime, now: datetime) -> str:
    """How long from now: `in 3 min`; what should have been is `due now`."""
    seconds = (instant - now).total_seconds()
    return "due now" if seconds < 1 else f"in {_one_unit(seconds)}"


def _one_unit(seconds: float) -> str:
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds // 1:.0f} s"


def exact(instant: datetime) -> str:
    """To the second, in UTC."""
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def lasted(session: SyncSession, now: datetime) -> str:
    """How long the session took, or has been going on."""
    return span((session.completed_at or now) - session.started_at)
