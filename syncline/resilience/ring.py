"""A sliding window, kept as the instants from which on the last admissions count.

An admission counts for a period from its stamp on. While a request is under way, its stamp lies ahead; when its answer
is seen, that instant takes the stamp's place (`syncline.resilience.budget` says why).

Each stamp takes eight bytes. Above a limit of 1000, `grain` admissions share the stamp of the latest of them, so that
a window of any limit fits one small row: it then admits up to a thousandth less, never more. Such a shared stamp stays
as it was written.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right

from msgspec import Struct

from syncline.model.budgets import SlidingWindow

__all__ = ["EMPTY", "Ring", "added", "answered", "clamped", "free_at", "moved", "regrouped", "returning", "used"]

_STAMP = 8
_one = struct.Struct(">q")


class Ring(Struct, frozen=True, kw_only=True):
    """The last admissions.

    Attributes:
        stamps: microseconds since 1970, the earliest first, each as a big-endian 64-bit integer.
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


def added(ring: Ring, window: SlidingWindow, cost: int, at: int) -> Ring:
    """The ring after an admission that counts from `at` on; it never gets shorter.

    A process with another limit may share it.
    """
    stamp = _one.pack(at)
    new = _new_stamps(ring, cost)
    joins = ring.filled < ring.grain
    keep = max(len(ring.stamps) // _STAMP, window.slots) - new
    kept = ring.stamps[-keep * _STAMP :] if keep else b""
    filled = ring.filled + cost - new * ring.grain
    if ring.grain > 1:
        stamp = max(stamp, kept[-_STAMP:])  # shared stamps are never put before others
    if joins and kept:
        kept = kept[:-_STAMP] + stamp
    if kept[-_STAMP:] <= stamp:
        return Ring(stamps=kept + stamp * new, grain=ring.grain, filled=filled)
    place = bisect_right(_unpacked(kept), at) * _STAMP
    return Ring(stamps=kept[:place] + stamp * new + kept[place:], grain=ring.grain, filled=filled)


def answered(ring: Ring, stamp: int, cost: int, at: int) -> Ring:
    """The ring after the answer to an admission of this `stamp` was seen at `at`; the same where it is not there."""
    if ring.grain > 1 or at >= stamp:
        return ring
    stamps = _unpacked(ring.stamps)
    found = bisect_left(stamps, stamp)
    there = min(cost, bisect_right(stamps, stamp, lo=found) - found)
    if not there:
        return ring
    place, begins, ends = bisect_right(stamps, at) * _STAMP, found * _STAMP, (found + there) * _STAMP
    packed = ring.stamps
    changed = packed[:place] + _one.pack(at) * there + packed[place:begins] + packed[ends:]
    return Ring(stamps=changed, grain=ring.grain, filled=ring.filled)


def used(ring: Ring, window: SlidingWindow, now: int) -> int:
    """How much of the window is spent at `now`."""
    stamps = _unpacked(ring.stamps)
    live = len(stamps) - bisect_right(stamps, now - window.period_us)
    return live * ring.grain - (ring.grain - ring.filled) if live else 0


def returning(ring: Ring, window: SlidingWindow, now: int) -> float:
    """How far the oldest admission that counts at `now` is on its way out of the window, 0 to less than 1."""
    stamps = _unpacked(ring.stamps)
    oldest = bisect_right(stamps, now - window.period_us)
    return max(0, now - stamps[oldest]) / window.period_us if oldest < len(stamps) else 0.0


def regrouped(ring: Ring, window: SlidingWindow) -> Ring:
    """The same admissions in the window's grain; where they do not fit evenly, they count for more, not less."""
    if ring.grain == window.grain:
        return ring
    stamps = _unpacked(ring.stamps)
    each = [stamp for stamp in reversed(stamps) for _ in range(ring.grain)][ring.grain - ring.filled :]
    shared = each[:: window.grain][: window.slots]
    packed = struct.pack(f">{len(shared)}q", *reversed(shared))
    return Ring(stamps=packed, grain=window.grain, filled=window.grain)


def clamped(ring: Ring, now: int, last: int) -> Ring:
    """The ring after the clock, which showed `last`, was set back to `now`.

    What happened lies not ahead of `now`; what is under way stays so for as long.
    """
    stamps = [min(stamp, now) if stamp <= last else stamp - (last - now) for stamp in _unpacked(ring.stamps)]
    return Ring(stamps=struct.pack(f">{len(stamps)}q", *stamps), grain=ring.grain, filled=ring.filled)


def moved(ring: Ring, by: int) -> Ring:
    """The ring with all instants moved by so much."""
    stamps = [stamp + by for stamp in _unpacked(ring.stamps)]
    return Ring(stamps=struct.pack(f">{len(stamps)}q", *stamps), grain=ring.grain, filled=ring.filled)


def _new_stamps(ring: Ring, cost: int) -> int:
    beyond = cost - (ring.grain - ring.filled)
    return -(-beyond // ring.grain) if beyond > 0 else 0


def _unpacked(stamps: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(stamps) // _STAMP}q", stamps)
