"""How long an admission takes when four processes together make 800 a second on SQLite: busy, but not saturated."""

from __future__ import annotations

import time
from array import array
from pathlib import Path

import msgspec

from benchmarks.resilience.contenders import syncline_decider
from benchmarks.resilience.crowd import Together, crowd
from benchmarks.resilience.ground import WIDE, Ground, open_ground
from benchmarks.resilience.laps import Decide
from syncline.model.budgets import BudgetKey

__all__ = ["Pace", "measure_pace"]

_PROCESSES = 4
_PER_SECOND = 800


class Pace(msgspec.Struct, kw_only=True):
    """Latencies at 800 writes a second.

    Attributes:
        contender: syncline, or the raw UPDATE.
        per_second: writes that were made, of all processes together.
    """

    contender: str
    per_second: float
    p50_ms: float
    p99_ms: float


def measure_pace(url: str, folder: Path, *, seconds: float) -> list[Pace]:
    """The pace of Syncline's budgets, and of the raw statement."""
    return [_pace(name, url, folder, seconds) for name in ("raw", "syncline")]


def _pace(name: str, url: str, folder: Path, seconds: float) -> Pace:
    told = crowd(_paced, (url, folder, name, seconds), _PROCESSES, within_seconds=seconds)
    latencies = sorted(latency for one, _ in told for latency in one)
    return Pace(
        contender=name,
        per_second=round(sum(len(one) / lasted for one, lasted in told), 1),
        p50_ms=round(latencies[len(latencies) // 2] / 1e6, 3),
        p99_ms=round(latencies[int(0.99 * len(latencies))] / 1e6, 3),
    )


def _paced(together: Together, url: str, folder: Path, name: str, seconds: float) -> tuple[array[int], float]:
    with open_ground(url, folder) as ground:
        decide, latencies, now = _decider(ground, name), array("q"), time.perf_counter_ns
        together()
        began = now()
        for number in range(int(seconds * _PER_SECOND / _PROCESSES)):
            due = began + number * _PROCESSES * 1_000_000_000 // _PER_SECOND
            time.sleep(max(0, due - now()) / 1e9)
            start = now()
            decide()
            latencies.append(now() - start)
        lasted = (now() - began) / 1e9
        together()
        return latencies, lasted


def _decider(ground: Ground, name: str) -> Decide:
    if name == "syncline":
        return syncline_decider(ground, BudgetKey(name="paced", policy=WIDE["bucket"]), admits=True)
    driver, statement = ground.driver, "UPDATE budgets SET version = version + 1, tat_us = ? WHERE key = ?"
    return lambda: bool(driver.execute(statement, (1, ground.row)).rowcount)
