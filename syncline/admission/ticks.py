"""Ticks of a schedule: when the run of a tick begins, and when it counts as late."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import blake2b

from syncline.clock import microseconds
from syncline.model.source import Source

__all__ = ["begins_at", "late_seconds"]

_DRAWN_BYTES = 8


def begins_at(source: Source, tick: datetime) -> datetime:
    """When the run of `tick` begins: up to the source's `jitter_seconds` later, evenly spread.

    The delay is a hash of the source's name and the tick, so that every process computes the same.
    """
    if not source.jitter_seconds:
        return tick
    drawn = blake2b(f"{source.name} {microseconds(tick)}".encode(), digest_size=_DRAWN_BYTES).digest()
    part = int.from_bytes(drawn) / 256**_DRAWN_BYTES  # 0 to 1
    return tick + timedelta(seconds=source.jitter_seconds * part)


def late_seconds(source: Source, tick: datetime | None, now: datetime) -> float | None:
    """How late a run is that begins now, if that is late by the source's policy; None if it is on time."""
    if tick is None:
        return None
    seconds = (now - begins_at(source, tick)).total_seconds()
    return seconds if seconds > source.late_after_seconds else None
