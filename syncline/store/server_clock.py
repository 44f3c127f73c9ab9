"""The clock of a PostgreSQL server: the one that all machines share, told without asking it each time."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from syncline.clock import Clock
from syncline.errors import StoreError

__all__ = ["ServerClock"]

_ASK_EVERY_SECONDS = 10
_ASK_AGAIN_SECONDS = 1
"""After the server did not answer."""
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""A clock that nobody sets, and that goes on while the machine sleeps where there is such a one (Linux)."""


def _steady_seconds() -> float:
    return time.clock_gettime(_STEADY)


class ServerClock:
    """Tells the server's time: as it was when it was last asked, and what has passed since.

    A lease that one machine took is judged by another: where each went by its own clock, a minute between them would
    free what is in use. How far the machine's clock is off does not matter here; it is the answer only while the server
    was never reached.
    """

    def __init__(
        self, ask: Callable[[], datetime], machine: Clock, *, steady_seconds: Callable[[], float] = _steady_seconds
    ) -> None:
        """`ask` reads the server's clock; `steady_seconds` rises evenly, whatever is done to the machine's clock."""
        self._ask = ask
        self._machine = machine
        self._steady_seconds = steady_seconds
        self._told: tuple[datetime, float] | None = None
        self._ask_at = float("-inf")

    def now(self) -> datetime:
        """The present instant, aware, in UTC; right but for the time that a request takes."""
        if self._steady_seconds() >= self._ask_at:
            self._renew()
        if self._told is None:
            return self._machine.now()
        told, since = self._told
        return told + timedelta(seconds=self._steady_seconds() - since)

    def _renew(self) -> None:
        asked = self._steady_seconds()
        self._ask_at = asked + _ASK_AGAIN_SECONDS
        try:
            told = self._ask()
        except StoreError:
            return  # whatever needs the database will say so
        answered = self._steady_seconds()
        self._told = told, (asked + answered) / 2
        self._ask_at = answered + _ASK_EVERY_SECONDS
