"""What was promised of budgets and breakers, and whether it is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.goals import Goal
from benchmarks.resilience.backlog import Backlog, Hits
from benchmarks.resilience.fairness import Fairness
from benchmarks.resilience.pace import Pace
from benchmarks.resilience.sources import THRESHOLD
from benchmarks.resilience.speeds import Speeds

__all__ = ["resilience_goals"]

_OURS = "syncline"
_THEIRS = "pyrate-limiter"
_OF_RAW = (
    ("sqlite", "bucket denial", 0.5),
    ("sqlite", "ring denial", 0.5),
    ("sqlite", "bucket admission", 0.4),
    ("sqlite", "ring admission", 0.25),
    ("postgresql", "bucket admission", 0.35),
    ("postgresql", "ring admission", 0.35),
    ("sqlite", "closed breaker", 0.3),
    ("postgresql", "closed breaker", 0.3),
)
_SATURATED = {("postgresql", "bucket admission"): 0.6, ("postgresql", "ring admission"): 0.6}
"""More is asked where processes do nothing but spend: there they must queue, not race."""
_OF_THEIRS = (
    ("sqlite", "ring admission", 5.0),
    ("sqlite", "ring denial", 20.0),
    ("postgresql", "ring admission", 4.0),
    ("postgresql", "ring denial", 4.0),
)
_P99_MS = 2.0
_USED = 0.95
_USED_OF_A_SECOND = 0.8
"""Of a second that is far away: requests count from their answers on (`syncline.resilience.budget`)."""


def resilience_goals(
    speeds: Speeds,
    fairness: Sequence[Fairness],
    pace: Sequence[Pace],
    backlogs: Sequence[Backlog],
    hits: Sequence[Hits],
) -> list[Goal]:
    """All promises that this run could test."""
    return [*_of_speeds(speeds), *_of_fairness(fairness), *_of_pace(pace), *_of_upstreams(backlogs, hits)]


def _of_speeds(speeds: Speeds) -> Iterator[Goal]:
    for processes in (1, 4):
        crowd = "1 process" if processes == 1 else f"{processes} processes"
        for kind, what, alone in _OF_RAW:
            mine = speeds.find(kind, what, _OURS, processes)
            bound = alone if processes == 1 else _SATURATED.get((kind, what), alone)
            if mine is not None and mine.raw_ratio is not None:
                statement = "SELECT" if what.endswith(("denial", "breaker")) else "UPDATE"
                said = f"{kind}: {what} / raw {statement}, {crowd}"
                yield Goal(what=said, measured=mine.raw_ratio, bound=bound, at_most=False)
        for kind, what, bound in _OF_THEIRS:
            mine, other = (speeds.find(kind, what, name, processes) for name in (_OURS, _THEIRS))
            if mine is not None and other is not None:
                said = f"{kind}: {what}, {_OURS} / {_THEIRS}, {crowd}"
                yield Goal(what=said, measured=mine.per_second / other.per_second, bound=bound, at_most=False)


def _of_fairness(fairness: Sequence[Fairness]) -> Iterator[Goal]:
    for one in fairness:
        if one.contender == _OURS:
            crowd = f"{one.database}: {one.processes} processes at one window"
            yield Goal(what=f"{crowd}, limit exceeded by", measured=one.exceeded, bound=0, at_most=True)
            yield Goal(what=f"{crowd}, spurious denials", measured=one.spurious, bound=0, at_most=True)


def _of_pace(pace: Sequence[Pace]) -> Iterator[Goal]:
    for one in pace:
        if one.contender == _OURS:
            what = "sqlite: 4 processes paced at 800 writes/s, p99 in ms"
            yield Goal(what=what, measured=one.p99_ms, bound=_P99_MS, at_most=True)


def _of_upstreams(backlogs: Sequence[Backlog], hits: Sequence[Hits]) -> Iterator[Goal]:
    for one in backlogs:
        crowd = f"{one.database}: {one.processes} processes, {one.limit} requests in {one.period_seconds:g} s"
        crowd += f", ways of up to {one.longest_way_ms:g} ms" if one.longest_way_ms else ""
        bound = _USED_OF_A_SECOND if one.longest_way_ms and one.period_seconds <= 1 else _USED
        yield Goal(what=f"{crowd}, answered 429", measured=one.refused, bound=0, at_most=True)
        yield Goal(what=f"{crowd}, part of the quota used", measured=one.used, bound=bound, at_most=False)
    for one in hits:
        what = f"{one.database}: hits before the breaker opens, {one.processes} one-call processes"
        yield Goal(what=what, measured=one.hits, bound=THRESHOLD, at_most=True)
