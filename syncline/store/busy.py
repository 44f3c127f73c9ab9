"""Waiting for SQLite's lock in steps that fit how long small statements hold it.

SQLite itself looks again after 1 ms, 2, 5, 10, up to 100, and so takes longest when most are waiting; a budget's row is
written in a twentieth of a millisecond.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from syncline.store import failures

__all__ = ["in_turn"]

T = TypeVar("T")
_SHORTEST_PAUSE_SECONDS = 0.0001
_LONGEST_PAUSE_SECONDS = 0.01


def in_turn(execute: Callable[[], T], *, patience_seconds: float) -> T:
    """Do `execute`, again and again while another process holds the lock, for so long at most.

    Raises:
        sqlite3.OperationalError: the database stays locked, or the statement fails for another reason.
    """
    pause_seconds, ends = _SHORTEST_PAUSE_SECONDS, time.monotonic() + patience_seconds
    while True:
        try:
            return execute()
        except failures.driver_errors() as error:
            if not failures.is_busy(error) or time.monotonic() > ends:
                raise
        time.sleep(pause_seconds * (0.5 + random.random()))  # noqa: S311 - that they differ is enough
        pause_seconds = min(_LONGEST_PAUSE_SECONDS, 1.5 * pause_seconds)
