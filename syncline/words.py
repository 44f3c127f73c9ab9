"""Numbers and lengths of time as people say them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Never

__all__ = ["counted", "iso_instant", "spoken_age", "unheard_of"]

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def counted(value: int, noun: str) -> str:
    """A number of things: `1 page`, `1,200 pages`, `2 retries`."""
    if value == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else f"{noun}s"
    return f"{value:,} {plural}"


def spoken_age(seconds: float) -> str:
    """A length of time in its largest unit, rounded down: `3 min`, `2 h`; below a minute in seconds."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0) // 1:.0f} s"


def unheard_of(value: Never) -> str:
    """The text of an enum's value that is none of its members.

    The last case of a `match` calls it: the type checker refuses a `match` that forgets a member, and at run time a
    value of a newer version, or of a damaged row, is shown as it is.
    """
    return str(value)


def iso_instant(instant: datetime) -> str:
    """`instant` (aware) as ISO 8601 in UTC with milliseconds, such as `2024-01-15T10:30:00.000Z`; the rest is cut."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
