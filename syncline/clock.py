"""Where the time comes from: production reads the system's clock, tests move their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = [
    "Clock",
    "ManualClock",
    "SystemClock",
    "from_microseconds",
    "from_milliseconds",
    "microseconds",
    "milliseconds",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)


class ManualClock:
    """A clock that moves only when it is told to."""

    def __init__(self, start: datetime) -> None:
        """Start at `start`, an aware instant."""
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """The instant that was last set."""
        return self._now

    def advance(self, *, seconds: float) -> datetime:
        """Move by `seconds` (negative: a clock that steps back) and return the new instant."""
        self._now += timedelta(seconds=seconds)
        return self._now


def milliseconds(instant: datetime) -> int:
    """Milliseconds since 1970-01-01 UTC, as the seeds' JSON gives instants."""
    return round(instant.timestamp() * 1000)


def from_milliseconds(value: int) -> datetime:
    """The instant that lies `value` milliseconds after 1970-01-01 UTC."""
    return datetime.fromtimestamp(value / 1000, UTC)


def microseconds(instant: datetime) -> int:
    """Whole microseconds since 1970-01-01 UTC, exactly."""
    return (instant - _EPOCH) // _MICROSECOND


def from_microseconds(value: int) -> datetime:
    """The instant that lies `value` microseconds after 1970-01-01 UTC."""
    return _EPOCH + timedelta(microseconds=value)
