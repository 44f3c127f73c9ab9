"""Decisions per second, and how long one takes: of one process, and of four that want the same at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import msgspec

from benchmarks.resilience.contenders import CONTENDERS, Contender, Laps
from benchmarks.resilience.crowd import Together, crowd
from benchmarks.resilience.ground import open_ground
from benchmarks.resilience.laps import Lap

__all__ = ["Speed", "Speeds", "measure_speeds"]


class Speed(msgspec.Struct, kw_only=True):
    """How fast one contender makes one decision.

    Attributes:
        per_second: right decisions of all processes together, median of the rounds.
        right: the part of the decisions that were right; the others denied what should have been admitted.
        p50_us: microseconds of a decision.
        raw_ratio: `per_second` as a part of that of the raw statement in the same round, median of the rounds.
    """

    database: str
    what: str
    contender: str
    processes: int
    per_second: float
    right: float
    p50_us: float
    p99_us: float
    raw_ratio: float | None = None


class Speeds:
    """All speeds of a benchmark."""

    def __init__(self, speeds: Iterable[Speed]) -> None:
        """Keep them in their order."""
        self._speeds = {(one.database, one.what, one.contender, one.processes): one for one in speeds}

    def __iter__(self) -> Iterator[Speed]:
        """All of them, in the order in which they were measured."""
        return iter(self._speeds.values())

    def find(self, database: str, what: str, contender: str, processes: int) -> Speed | None:
        """One of them; None where it was not measured."""
        return self._speeds.get((database, what, contender, processes))


def measure_speeds(kind: str, url: str, folder: Path, processes: int, *, rounds: int, seconds: float) -> list[Speed]:
    """Let all contenders decide in turn, for `seconds` each, and that `rounds` times."""
    chosen = [one for one in CONTENDERS if kind in one.kinds and one.is_installed and not (processes > 1 and one.alone)]
    places = [CONTENDERS.index(one) for one in chosen]
    lasts = rounds * seconds * len(places)
    course = _Course(url=url, folder=folder, places=places, rounds=rounds, seconds=seconds)
    told = crowd(_laps, (course,), processes, within_seconds=2 * lasts)
    by_round = [[[one[place][number] for one in told] for number in range(rounds)] for place in range(len(places))]
    return _speeds(kind, processes, chosen, by_round)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Course:
    """What each process does: `places` are those of the contenders."""

    url: str
    folder: Path
    places: Sequence[int]
    rounds: int
    seconds: float


def _laps(together: Together, course: _Course) -> list[list[Lap]]:
    """One process: all contenders in turn, each together with the other processes."""
    with open_ground(course.url, course.folder) as ground, ExitStack() as stack:
        opened: list[Laps] = []
        for place in course.places:
            together()
            opened.append(stack.enter_context(CONTENDERS[place].open(ground)))
        laps: list[list[Lap]] = [[] for _ in course.places]
        for _ in range(course.rounds):
            for measured, run in zip(laps, opened, strict=True):
                together()
                measured.append(run(course.seconds))
        together()
        return laps


def _speeds(kind: str, processes: int, chosen: list[Contender], laps: list[list[list[Lap]]]) -> list[Speed]:
    """`laps` are those of each contender, of each round, of each process."""
    rates = [[sum(lap.right / lap.seconds for lap in one) for one in rounds] for rounds in laps]
    raws = {one.what: rates[place] for place, one in enumerate(chosen) if one.name == "raw"}
    speeds: list[Speed] = []
    for one, rounds, rate in zip(chosen, laps, rates, strict=True):
        flat = [lap for processes_laps in rounds for lap in processes_laps]
        latencies = sorted(latency for lap in flat for latency in lap.latencies_ns)
        raw = raws.get(one.raw)
        ratio = None if raw is None else round(median(mine / its for mine, its in zip(rate, raw, strict=True)), 3)
        speeds.append(
            Speed(
                database=kind,
                what=one.what,
                contender=one.name,
                processes=processes,
                per_second=round(median(rate), 1),
                right=round(sum(lap.right for lap in flat) / len(latencies), 4),
                p50_us=_percentile(latencies, 0.5),
                p99_us=_percentile(latencies, 0.99),
                raw_ratio=ratio,
            )
        )
    return speeds


def _percentile(sorted_ns: list[int], part: float) -> float:
    return round(sorted_ns[min(len(sorted_ns) - 1, int(part * len(sorted_ns)))] / 1000, 1)
