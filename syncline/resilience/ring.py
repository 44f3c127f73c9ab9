"""A sliding window, kept as the instants of the last admissions.

Each stamp takes eight bytes. Above a limit of 1000, `grain` admissions share the stamp of the latest of them, so that
a window of any limit fits one small row: it then admits up to a thousandth less, never more.
"""

from __future__ import annotations

import struct
from bisect import bisect_right

from msgspec import Struct

from syncline.model.budgets import SlidingWindow

__all__ = ["EMPTY", "Ring", "added", "clamped", "free_at", "regrouped", "used"]

_STAMP = 8
_one = struct.Struct(">q")


class Ring(Struct, frozen=True, kw_only=True):
    """The last admissions.

    Attributes:
        stamps: microseconds since 1970, the oldest first, each as a big-endian 64-bit integer.
        grain: how many admissions share a stamp.
        filled: how many admissions the newest stamp stands for so far; `grain`: it is full.
    """

    stamps: bytes = b""
    grain: int = 1
    filled: int = 1


EMPTY = Ring()


def free_at(ring: Ring, window: SlidingWindow, cost: int) -> int:
    """The first instant at which the window has room for `cost`; 0: it has room now.

    So many of the oldest stamps must have left the window that the new ones fit beside those that stay.
    """
    new = _new_stamps(ring, cost)
    must_go = len(ring.stamps) // _STAMP - (window.slots - new)
    if new == 0 or must_go <= 0:
        return 0
    return int(_one.unpack_from(ring.stamps, (must_go - 1) * _STAMP)[0]) + window.period_us


def added(ring: Ring, window: SlidingWindow, cost: int, now: int) -> Ring:
    """The ring after an admission; it never gets shorter, because a process with another limit may share it."""
    stamp = _one.pack(now)
    new = _new_stamps(ring, cost)
    joins = ring.filled < ring.grain
    keep = max(len(ring.stamps) // _STAMP, window.slots) - new
    kept = ring.stamps[-keep * _STAMP :] if keep else b""
    if joins and kept:
        kept = kept[:-_STAMP] + stamp
    filled = ring.filled + cost - new * ring.grain
    return Ring(stamps=kept + stamp * new, grain=ring.grain, filled=filled)


def used(ring: Ring, window: SlidingWindow, now: int) -> int:
    """How much of the window is spent at `now`."""
    stamps = _stamps(ring)
    live = len(stamps) - bisect_right(stamps, now - window.period_us)
    return live * ring.grain - (ring.grain - ring.filled) if live else 0


def regrouped(ring: Ring, window: SlidingWindow) -> Ring:
    """The same admissions in the window's grain; where they do not fit evenly, they count for more, not less."""
    if ring.grain == window.grain:
        return ring
    stamps = _stamps(ring)
    each = [stamp for stamp in reversed(stamps) for _ in range(ring.grain)][ring.grain - ring.filled :]
    shared = each[:: window.grain][: window.slots]
    packed = struct.pack(f">{len(shared)}q", *reversed(shared))
    return Ring(stamps=packed, grain=window.grain, filled=window.grain)


def clamped(ring: Ring, now: int) -> Ring:
    """The ring after the clock was set back: what happened lies not ahead of `now`."""
    stamps = [min(stamp, now) for stamp in _stamps(ring)]
    return Ring(stamps=struct.pack(f">{len(stamps)}q", *stamps), grain=ring.grain, filled=ring.filled)


def _new_stamps(ring: Ring, cost: int) -> int:
    beyond = cost - (ring.grain - ring.filled)
    return -(-beyond // ring.grain) if beyond > 0 else 0


def _stamps(ring: Ring) -> tuple[int, ...]:
    return struct.unpack(f">{len(ring.stamps) // _STAMP}q", ring.stamps)
