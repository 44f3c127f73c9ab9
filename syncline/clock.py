"""Where the time comes from: production reads the system's clock, tests move their own."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

__all__ = [
    "Clock",
    "ManualClock",
    "Steady",
    "SteadyClock",
    "SystemClock",
    "from_microseconds",
    "from_milliseconds",
    "microseconds",
    "milliseconds",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Counts on while the machine is suspended, where the system has such a clock: what has passed then, has passed."""


class Steady(NamedTuple):
    """A reading of a clock that nobody sets.

    Attributes:
        machine: says whose it is: readings of one machine since its start can be compared, also by two processes.
        us: microseconds since some instant.
    """

    machine: int
    us: int


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


@runtime_checkable
class SteadyClock(Clock, Protocol):
    """Tells also what cannot be set."""

    def steady(self) -> Steady:
        """The machine's steady clock, by which the other one is judged."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)

    def steady(self) -> Steady:
        """The time since the machine was started."""
        return Steady(_machine(), time.clock_gettime_ns(_BOOTTIME) // 1000)


@cache
def _machine() -> int:
    """A number for this boot of this machine, and its clocks: containers may have their own."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        known = f"{boot} {Path('/proc/self/ns/time').readlink()}"
    except OSError:
        known = secrets.token_hex()  # not Linux: each process stands for itself
    return int.from_bytes(sha256(known.encode()).digest()[:8]) >> 1


class ManualClock:
    """A clock that moves only when it is told to."""

    def __init__(self, start: datetime) -> None:
        """Start at `start`, an aware instant."""
        self._now = start.astimezone(UTC)
        self._machine = secrets.randbits(63)
        self._steady_us = 0

    def now(self) -> datetime:
        """The instant that was last set."""
        return self._now

    def steady(self) -> Steady:
        """The time that has passed."""
        return Steady(self._machine, self._steady_us)

    def advance(self, *, seconds: float) -> datetime:
        """Let `seconds` pass (negative: set the clock back) and return the new instant."""
        before = self._now
        self._now += timedelta(seconds=seconds)
        self._steady_us += max(0, (self._now - before) // _MICROSECOND)
        return self._now

    def set_forward(self, *, seconds: float) -> datetime:
        """Set the clock forward by `seconds`, in which nothing passes, and return the new instant."""
        self._now += timedelta(seconds=seconds)
        return self._now


def milliseconds(instant: datetime) -> int:
    """Milliseconds since 1970-01-01 UTC, as the seeds' JSON gives instants; the rest is cut, as in ISO 8601."""
    return microseconds(instant) // 1000


def from_milliseconds(value: int) -> datetime:
    """The instant that lies `value` milliseconds after 1970-01-01 UTC."""
    return datetime.fromtimestamp(value / 1000, UTC)


def microseconds(instant: datetime) -> int:
    """Whole microseconds since 1970-01-01 UTC, exactly."""
    return (instant - _EPOCH) // _MICROSECOND


def from_microseconds(value: int) -> datetime:
    """The instant that lies `value` microseconds after 1970-01-01 UTC."""
    return _EPOCH + timedelta(microseconds=value)
