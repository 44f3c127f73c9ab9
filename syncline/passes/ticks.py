"""Ticks of a schedule: when the run of one begins, and from when on it is late."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import blake2b

from syncline.clock import microseconds
from syncline.model.source import Source

__all__ = ["begins_at", "late_seconds"]

_DRAWN_BYTES = 8


def begins_at(source: Source, tick: datetime) -> datetime:
    """When the run of `tick` begins: up to the source's `jitter_seconds` later, evenly spread.

    It is drawn from the tick itself: whoever asks again, in whatever process, gets the same answer.
    """
    if not source.jitter_seconds:
        return tick
    drawn = blake2b(f"{source.name} {microseconds(tick)}".encode(), digest_size=_DRAWN_BYTES).digest()
    part = int.from_bytes(drawn) / 256**_DRAWN_BYTES  # 0 to 1
    return tick + timedelta(seconds=source.jitter_seconds * part)


def late_seconds(source: Source, tick: datetime | None, now: datetime) -> float | None:
    """How long after its time a run begins that is late by the source's policy; None where it is on time."""
    if tick is None:
        return None
    seconds = (now - begins_at(source, tick)).total_seconds()
    return seconds if seconds > source.late_after_seconds else None
