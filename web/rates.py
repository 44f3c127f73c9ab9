"""How often each user may call what is dear; what is remembered is bounded, and lost when the app ends."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from syncline.clock import Clock, SteadyClock

__all__ = ["Rates"]

_MINUTE = 60.0


@dataclass
class _Bucket:
    """What a user may still call, at an instant in seconds of the clock."""

    left: float
    at: float


class Rates:
    """A token bucket for each user and kind of call."""

    def __init__(self, clock: Clock, *, remembered: int = 20_000) -> None:
        """Remember so many of them, the newest; who is forgotten begins with a full bucket."""
        self._clock = clock
        self._remembered = remembered
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._buckets)

    def seconds_to_wait(self, user_id: str, kind: str, *, per_minute: int) -> float:
        """0 if the call may be made, which counts it; else how long until the next one may."""
        now = self._now()
        bucket = self._buckets.pop((user_id, kind), None) or _Bucket(left=per_minute, at=now)
        gained = max(0.0, now - bucket.at) * per_minute / _MINUTE
        bucket.left, bucket.at = min(float(per_minute), bucket.left + gained), now
        wait = 0.0 if bucket.left >= 1 else (1 - bucket.left) * _MINUTE / per_minute
        if not wait:
            bucket.left -= 1
        self._buckets[user_id, kind] = bucket
        while len(self._buckets) > self._remembered:
            self._buckets.popitem(last=False)
        return wait

    def _now(self) -> float:
        """Seconds of the steady clock, so that setting the system's clock changes no wait."""
        if isinstance(self._clock, SteadyClock):
            return self._clock.steady().us / 1_000_000
        return self._clock.now().timestamp()
