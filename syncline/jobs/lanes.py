"""Which lanes a claim is taken from: nine of ten from the most urgent one, one of ten from the least urgent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from syncline.model.policies import Priority
from syncline.store.job_claims import Lane

__all__ = ["Floors", "Turns", "by_priority", "per_user"]

_FLOORS_LAST_US = 5_000_000
_SHARE = 10
"""One of so many jobs comes from the lowest lane that has work: it is slow then, but never stands still."""


class Turns:
    """Remembers whose turn it is, over claims of any size."""

    def __init__(self) -> None:
        """Nothing was claimed yet."""
        self._owed = 0

    def order(self, lanes: Sequence[Lane], count: int) -> list[tuple[Lane, int]]:
        """The lanes to take from, one after the other, and how many from each at most, until there are `count`.

        Args:
            lanes: those in which jobs are due, the most urgent first, as `due_lanes` gives them.
            count: how many are wanted in all.
        """
        if not lanes:
            return []
        lowest = lanes[-1].priority
        if lowest is lanes[0].priority:
            return [(lane, count) for lane in lanes]
        self._owed += count
        reserved, self._owed = divmod(self._owed, _SHARE)
        low = [(lane, reserved) for lane in lanes if lane.priority is lowest] if reserved else []
        return [*low[:1], *((lane, count) for lane in lanes)]


def per_user(count: int) -> int:
    """How many jobs of one user a claim of `count` takes at most: who has thousands must not keep others waiting."""
    return max(2, count // 5)


def by_priority(lanes: Sequence[Lane], wanted: Sequence[Priority]) -> list[Lane]:
    """Those of the `lanes` that a drain for these priorities works on."""
    return [lane for lane in lanes if lane.priority in wanted]


class Floors:
    """Instants before which nothing waits in a lane, as far as was seen; forgotten every few seconds.

    An index of PostgreSQL is then not read from its beginning, where what is gone still stands while somebody holds an
    old snapshot. What is queued for an instant that has passed already may be seen so much later.
    """

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._since_us = 0
        self._of: dict[tuple[str, Priority], int] = {}

    def known(self, now_us: int) -> Mapping[tuple[str, Priority], int]:
        """The floors to read from."""
        if not 0 <= now_us - self._since_us < _FLOORS_LAST_US:
            self._since_us, self._of = now_us, {}
        return self._of

    def learn(self, lanes: Sequence[Lane], now_us: int) -> None:
        """Remember where the lanes begin; what is due later than now says nothing about what will be queued."""
        for lane in lanes:
            self._of[lane.source, lane.priority] = min(lane.due_us, now_us)
