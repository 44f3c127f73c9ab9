"""All measurements of budgets and breakers, one after the other."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.databases import Databases
from benchmarks.resilience.backlog import Backlog, Hits, Quota, measure_backlog, measure_hits
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
        quotas: of the upstreams at which a backlog is worked off.
        backlog_kinds: the databases with which that is done.
    """

    rounds: int
    lap_seconds: float
    crowd_seconds: float
    quotas: tuple[Quota, ...]
    backlog_kinds: tuple[str, ...]

    @classmethod
    def full(cls) -> Extent:
        """About eleven minutes; one upstream's period is a real minute."""
        both, quotas = ("sqlite", "postgresql"), (Quota(period_seconds=60), *_far_away(periods=8))
        return cls(rounds=7, lap_seconds=0.3, crowd_seconds=5, quotas=quotas, backlog_kinds=both)

    @classmethod
    def quick(cls) -> Extent:
        """Less than a minute."""
        quotas = (Quota(period_seconds=5),)
        return cls(rounds=3, lap_seconds=0.05, crowd_seconds=1, quotas=quotas, backlog_kinds=("sqlite",))


def _far_away(*, periods: int) -> tuple[Quota, ...]:
    """Upstreams with short periods at the other end of a network that takes 20 to 200 ms each way."""
    ways = (0.02, 0.2)
    short = Quota(limit=10, period_seconds=1, ways_seconds=ways, periods=3 * periods)
    return short, Quota(limit=50, period_seconds=5, ways_seconds=ways, periods=periods)


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
    backlogs: list[Backlog] = []
    for quota in extent.quotas:
        _tell(f"{', '.join(kinds)}: a backlog, {quota.limit} requests in {quota.period_seconds:g} s")
        urls = [_new(databases, kind)[0] for kind in kinds]
        with ThreadPoolExecutor(max_workers=len(kinds) or 1) as threads:
            backlogs += threads.map(measure_backlog, kinds, urls, [quota] * len(kinds))
    return backlogs


def _new(databases: Databases, kind: str) -> tuple[str, Path]:
    database, folder = databases.new(kind, migrated=True)
    return database.url, folder


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
