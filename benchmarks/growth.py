"""How time and memory grow with the number of items or sessions, and what bookkeeping takes of a small sync."""

from statistics import median

import msgspec

from benchmarks.admissions import Admissions, measure_admissions
from benchmarks.contender import CONTENDERS, Measured, measure
from benchmarks.databases import Databases
from benchmarks.servers import upstream_of
from benchmarks.work import Work

__all__ = ["Growth", "Size", "measure_growth"]

_SMALL, _LARGE, _HUGE = 10_000, 100_000, 1_000_000
_SMALL_RUNS = 5


class Size(msgspec.Struct, kw_only=True):
    """A first load of so many items by Syncline's library into SQLite."""

    items: int
    seconds: float
    peak_mb: float


class Growth(msgspec.Struct, kw_only=True):
    """First loads of several sizes.

    Attributes:
        sizes: by rising number of items.
        bookkeeping_share: the part of the smallest that admission, session, checkpoint and heartbeat took (0 to 1).
        admissions: of an account, with some sessions on record and with half a million, on each kind of database.
    """

    sizes: list[Size]
    bookkeeping_share: float
    admissions: list[Admissions]

    @property
    def memory_ratio(self) -> float | None:
        """Peak memory of a million items, as a multiple of that of 100,000; None where it was not measured."""
        sizes = {size.items: size for size in self.sizes}
        return sizes[_HUGE].peak_mb / sizes[_LARGE].peak_mb if _HUGE in sizes else None

    @property
    def time_ratio(self) -> float | None:
        """Seconds an item, in the same way."""
        sizes = {size.items: size for size in self.sizes}
        return sizes[_HUGE].seconds / sizes[_LARGE].seconds * _LARGE / _HUGE if _HUGE in sizes else None


def measure_growth(databases: Databases, *, million: bool) -> Growth:
    """Measure 10,000 and 100,000 items, and a million where that is wanted."""
    small = _loads(databases, _SMALL, _SMALL_RUNS)
    sizes = [_size(_SMALL, small), _size(_LARGE, _loads(databases, _LARGE, 1))]
    if million:
        sizes.append(_size(_HUGE, _loads(databases, _HUGE, 1)))
    return Growth(sizes=sizes, bookkeeping_share=median(map(_share, small)), admissions=measure_admissions(databases))


def _loads(databases: Databases, items: int, runs: int) -> list[Measured]:
    engine = next(contender for contender in CONTENDERS if contender.name == "engine")
    with upstream_of(items) as upstream:
        return [
            one
            for _ in range(runs)
            for one in measure(engine, "sqlite", (Work.FULL,), upstream=upstream, databases=databases, prefect="")
        ]


def _size(items: int, loads: list[Measured]) -> Size:
    seconds, peak = (median(one.inside.seconds for one in loads), median(one.inside.peak_mb for one in loads))
    return Size(items=items, seconds=round(seconds, 3), peak_mb=round(peak, 1))


def _share(one: Measured) -> float:
    return sum(one.inside.sections.values()) / one.inside.seconds
