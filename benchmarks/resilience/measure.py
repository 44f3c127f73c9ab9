"""All measurements of budgets and breakers, one after the other."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.databases import Databases
from benchmarks.resilience.backlog import Backlog, Hits, measure_backlog, measure_hits
from benchmarks.resilience.contenders import CONTENDERS, PYRATE
from benchmarks.resilience.fairness import Fairness, measure_fairness
from benchmarks.resilience.goals import resilience_goals
from benchmarks.resilience.pace import Pace, measure_pace
from benchmarks.resilience.report import ResilienceReport
from benchmarks.resilience.speeds import Speed, Speeds, measure_speeds

_FAIR = ("syncline", *{one.name for one in CONTENDERS if one.name == PYRATE and one.is_installed})

__all__ = ["Extent", "measure_resilience"]


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much is measured.

    Attributes:
        rounds: how often each contender decides.
        lap_seconds: how long, each time.
        crowd_seconds: how long many processes ask for one window, and at one pace.
        period_seconds: the upstream's, which allows 100 requests in it.
        backlog_kinds: the databases with which a backlog is worked off.
    """

    rounds: int
    lap_seconds: float
    crowd_seconds: float
    period_seconds: float
    backlog_kinds: tuple[str, ...]

    @classmethod
    def full(cls) -> Extent:
        """About six minutes; the upstream's period is a real minute."""
        both = ("sqlite", "postgresql")
        return cls(rounds=7, lap_seconds=0.3, crowd_seconds=5, period_seconds=60, backlog_kinds=both)

    @classmethod
    def quick(cls) -> Extent:
        """Less than a minute."""
        return cls(rounds=3, lap_seconds=0.05, crowd_seconds=1, period_seconds=5, backlog_kinds=("sqlite",))


def measure_resilience(databases: Databases, extent: Extent) -> ResilienceReport:
    """Measure, and compare with what was promised."""
    load_before = os.getloadavg()[0]
    speeds, fairness, pace, hits = list[Speed](), list[Fairness](), list[Pace](), list[Hits]()
    for kind in databases.kinds:
        url, folder = _new(databases, kind)
        for processes in (1, 4):
            _tell(f"{kind}: decisions of {processes}")
            speeds += measure_speeds(kind, url, folder, processes, rounds=extent.rounds, seconds=extent.lap_seconds)
        _tell(f"{kind}: one window, one breaker")
        for contender in _FAIR:
            fairness.append(measure_fairness(kind, url, folder, contender, seconds=extent.crowd_seconds))
        if kind == "sqlite":
            pace = measure_pace(url, folder, seconds=extent.crowd_seconds)
        hits.append(measure_hits(kind, url))
    backlogs = _backlogs(databases, extent)
    return ResilienceReport(
        speeds=speeds,
        fairness=fairness,
        pace=pace,
        backlogs=backlogs,
        hits=hits,
        goals=resilience_goals(Speeds(speeds), fairness, pace, backlogs, hits),
        load_before=load_before,
    )


def _backlogs(databases: Databases, extent: Extent) -> list[Backlog]:
    """With all databases at the same time: their processes mostly wait."""
    kinds = [kind for kind in databases.kinds if kind in extent.backlog_kinds]
    _tell(f"{', '.join(kinds)}: a backlog, over three periods of {extent.period_seconds:g} s")
    urls = [_new(databases, kind)[0] for kind in kinds]

    def worked_off(kind: str, url: str) -> Backlog:
        return measure_backlog(kind, url, period_seconds=extent.period_seconds)

    with ThreadPoolExecutor(max_workers=len(kinds) or 1) as threads:
        return list(threads.map(worked_off, kinds, urls))


def _new(databases: Databases, kind: str) -> tuple[str, Path]:
    database, folder = databases.new(kind, migrated=True)
    return database.url, folder


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
