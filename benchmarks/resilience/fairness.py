"""Whether a limit that four processes share is kept, and nobody is turned away without need."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path

import msgspec

from benchmarks.resilience.contenders import LIBRARIES, syncline_decider
from benchmarks.resilience.crowd import Together, crowd
from benchmarks.resilience.ground import LIMIT, open_ground
from syncline.model.budgets import BudgetKey, SlidingWindow

__all__ = ["PERIOD_SECONDS", "Fairness", "Said", "count_exceeded", "count_spurious", "measure_fairness"]

PERIOD_SECONDS = 0.5
_POLL_SECONDS = 0.002
_PROCESSES = 4
_SLACK_SECONDS = 0.002
"""Some count in whole milliseconds."""

Said = tuple[float, float]
"""When somebody asked, and when it was answered: in between lies the decision."""


class Fairness(msgspec.Struct, kw_only=True):
    """What became of one limit.

    Attributes:
        admitted: requests let through.
        denied: requests turned away.
        exceeded: by how much the fullest window surely went beyond the limit.
        spurious: denials although the window surely had room.
    """

    database: str
    contender: str
    processes: int
    admitted: int
    denied: int
    exceeded: int
    spurious: int


def measure_fairness(kind: str, url: str, folder: Path, contender: str, *, seconds: float) -> Fairness:
    """Let four processes ask again and again for `seconds`; the window holds 60 in half a second."""
    told = crowd(_asked, (url, folder, contender, seconds), _PROCESSES, within_seconds=seconds)
    admitted = sorted(said for granted, _ in told for said in granted)
    denied = [said for _, refused in told for said in refused]
    return Fairness(
        database=kind,
        contender=contender,
        processes=_PROCESSES,
        admitted=len(admitted),
        denied=len(denied),
        exceeded=count_exceeded(admitted, LIMIT, PERIOD_SECONDS),
        spurious=count_spurious(admitted, denied, LIMIT, PERIOD_SECONDS),
    )


def count_exceeded(admitted: list[Said], limit: int, period_seconds: float) -> int:
    """How many more than `limit` surely lie in one window, whatever the scheduler did to their processes."""
    fullest = max(
        (sum(told < start + period_seconds for asked, told in admitted if asked >= start) for start, _ in admitted),
        default=0,
    )
    return max(0, fullest - limit)


def count_spurious(admitted: list[Said], denied: list[Said], limit: int, period_seconds: float) -> int:
    """How many were denied while fewer than `limit` can have been in the window.

    An admission can have been in it if it may have happened before the denial, and less than a period before.
    """
    asked, told = sorted(said[0] for said in admitted), sorted(said[1] for said in admitted)
    reach = period_seconds + _SLACK_SECONDS
    return sum(bisect_right(asked, answered) - bisect_left(told, begun - reach) < limit for begun, answered in denied)


def _asked(together: Together, url: str, folder: Path, contender: str, seconds: float) -> tuple[list[Said], list[Said]]:
    with open_ground(url, folder) as ground, ExitStack() as stack:
        together()
        if contender == "syncline":
            window = SlidingWindow(limit=LIMIT, period_seconds=PERIOD_SECONDS, margin=0)
            decide = syncline_decider(ground, BudgetKey(name="fair", policy=window), admits=True)
        else:
            opened = import_module(LIBRARIES).pyrate_limiter(ground, "fair", period_seconds=PERIOD_SECONDS)
            decide = stack.enter_context(opened)
        admitted, denied = list[Said](), list[Said]()
        together()
        ends = time.time() + seconds
        while (asked := time.time()) < ends:
            (admitted if decide() else denied).append((asked, time.time()))
            time.sleep(_POLL_SECONDS)
        together()
        return admitted, denied
