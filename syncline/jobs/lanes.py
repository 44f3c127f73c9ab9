"""Which lanes a claim is taken from: nine of ten from the most urgent one, one of ten from the least urgent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from syncline.jobs.verdict import PAUSE_US
from syncline.model.policies import Priority
from syncline.store.job_claims import Lane

__all__ = ["Blocks", "Floors", "Turns", "by_priority", "per_user"]

_FLOORS_LAST_US = 5_000_000
_MARGIN_US = 1_000_000
"""A request that was dated before another one may be committed after it."""
_DEFERRED_IN_A_ROW = 3
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


class Blocks:
    """Lanes in which one job after the other is deferred: they rest until the first of those goes on.

    One deferral says nothing of the others, for an account may have a budget of its own. A lane rests for a minute at
    most, then a claim tries whether it goes on.
    """

    def __init__(self) -> None:
        """No lane rests."""
        self._deferred: dict[tuple[str, Priority], tuple[int, int]] = {}

    def note(self, source: str, priority: Priority, *, goes_on_us: int | None, ended_us: int) -> None:
        """A job of this lane ended at `ended_us`; `goes_on_us` is when it goes on if it is deferred, else None."""
        if goes_on_us is None:
            self._deferred.pop((source, priority), None)
            return
        number, until_us = self._deferred.get((source, priority), (0, ended_us + PAUSE_US))
        self._deferred[source, priority] = number + 1, min(until_us, goes_on_us)

    def opens_us(self, lane: Lane, now_us: int) -> int:
        """When the lane may be claimed from."""
        number, until_us = self._deferred.get((lane.source, lane.priority), (0, 0))
        if number and until_us <= now_us:
            self._deferred.pop((lane.source, lane.priority), None)
        return max(lane.due_us, until_us) if number >= _DEFERRED_IN_A_ROW else lane.due_us


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
            self._of[lane.source, lane.priority] = min(lane.due_us, now_us) - _MARGIN_US

    def forget(self) -> bool:
        """Read from the beginning next; returns whether anything was remembered."""
        had, self._of = bool(self._of), {}
        return had
