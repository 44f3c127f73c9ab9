"""Figures: medians of what was measured, and how they compare."""

from collections.abc import Iterable, Iterator
from statistics import median

import msgspec

from benchmarks.contender import Measured
from benchmarks.work import Work

__all__ = ["Figure", "Figures"]

_COMPARED = ("floor", "prototype", "dlt", "dlt-arrow")


class Figure(msgspec.Struct, kw_only=True):
    """What one contender needed for one work on one database: medians of its runs.

    Attributes:
        seconds: inside the process, without starting Python and importing; of the flow, inside the running flow.
        process_seconds: the whole process.
        cpu_seconds: the processor's time, of its own process alone.
        peak_mb: the most memory that it held.
        log_bytes: what PostgreSQL wrote to its log.
        runs: how often it was measured.
        ratios: `seconds` as a multiple of those of others.
    """

    database: str
    work: Work
    contender: str
    seconds: float
    process_seconds: float
    cpu_seconds: float
    peak_mb: float
    log_bytes: int
    runs: int
    ratios: dict[str, float] = {}


class Figures:
    """All figures of a benchmark."""

    def __init__(self, measured: Iterable[Measured]) -> None:
        """Take the medians of what was `measured`."""
        groups: dict[tuple[str, Work, str], list[Measured]] = {}
        for one in measured:
            groups.setdefault((one.database, one.work, one.contender), []).append(one)
        self._figures = {key: _figure(group) for key, group in groups.items()}
        for (database, work, _), figure in self._figures.items():
            figure.ratios = {
                other: round(figure.seconds / beside.seconds, 2)
                for other in _COMPARED
                if (beside := self.find(database, work, other)) and other != figure.contender
            }

    def __iter__(self) -> Iterator[Figure]:
        """All of them, in the order in which they were first measured."""
        return iter(self._figures.values())

    def find(self, database: str, work: Work, contender: str) -> Figure | None:
        """The figure of one contender; None where it was not measured."""
        return self._figures.get((database, work, contender))

    def ratio(self, database: str, work: Work, contender: str, other: str) -> float | None:
        """How many times as long as the `other` the contender takes; None where one was not measured."""
        mine, beside = self.find(database, work, contender), self.find(database, work, other)
        return None if mine is None or beside is None else mine.seconds / beside.seconds


def _figure(group: list[Measured]) -> Figure:
    first = group[0]
    return Figure(
        database=first.database,
        work=first.work,
        contender=first.contender,
        seconds=round(median(one.inside.seconds for one in group), 4),
        process_seconds=round(median(one.process_seconds for one in group), 4),
        cpu_seconds=round(median(one.inside.cpu_seconds for one in group), 4),
        peak_mb=round(median(one.inside.peak_mb for one in group), 1),
        log_bytes=int(median(one.log_bytes for one in group)),
        runs=len(group),
    )
