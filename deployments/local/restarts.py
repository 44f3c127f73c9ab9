"""When a child that ended by itself is started again, and when that has no sense any more."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["MOST_DEATHS", "WINDOW_SECONDS", "Restarts"]

MOST_DEATHS = 5
"""So many ends of one child within the window end the instance."""
WINDOW_SECONDS = 300.0
_FIRST_DELAY_SECONDS = 1.0
_FAILED_START_SECONDS = 30.0
"""A child that fails this soon after its first start has a fault that another start does not mend."""


@dataclass(frozen=True, kw_only=True)
class Restarts:
    """How often one child ended of late.

    Attributes:
        began: when it was started first, in seconds of any steady clock.
        deaths: when it ended since, within the window; the earliest first.
        is_first: whether it has never been started again.
    """

    began: float
    deaths: tuple[float, ...] = ()
    is_first: bool = True

    def died(self, now: float, exit_code: int) -> tuple[Restarts, float | None]:
        """What follows from its end at `now`.

        Returns:
            The new state, and after how many seconds it is started again; None: never, the instance ends.
        """
        if self.is_first and exit_code > 0 and now - self.began < _FAILED_START_SECONDS:
            return self, None
        deaths = (*(death for death in self.deaths if now - death < WINDOW_SECONDS), now)
        after = replace(self, deaths=deaths, is_first=False)
        return after, None if len(deaths) >= MOST_DEATHS else _FIRST_DELAY_SECONDS * 2 ** (len(deaths) - 1)
