"""What was promised, and whether it is kept."""

from collections.abc import Iterator

import msgspec

from benchmarks.figures import Figures
from benchmarks.growth import Growth
from benchmarks.work import Work

__all__ = ["Goal", "goals"]

_FLOW = "flow"
_AT_MOST_PROTOTYPE = {Work.FULL: 1.5, Work.NOOP: 1.3, Work.INCR: 1.3}
_AT_LEAST_FASTER = (
    (Work.FULL, "dlt", 8.0),
    (Work.FULL, "dlt-arrow", 4.0),
    (Work.NOOP, "dlt", 12.0),
    (Work.NOOP, "dlt-arrow", 6.0),
    (Work.INCR, "dlt", 12.0),
    (Work.INCR, "dlt-arrow", 6.0),
    (Work.DELTA, "dlt", 3.0),
    (Work.LATENCY, "dlt", 5.0),
    (Work.LATENCY, "one by one", 2.5),
)
_LOG_BYTES_AN_ITEM = 5.0
_BOOKKEEPING_SHARE = 0.05
_MEMORY_GROWTH = 1.2
_TIME_GROWTH = 1.25


class Goal(msgspec.Struct, kw_only=True):
    """One promise.

    Attributes:
        what: in words.
        measured: the figure.
        bound: what it may be at most, or must be at least.
        at_most: which of the two.
    """

    what: str
    measured: float
    bound: float
    at_most: bool
    met: bool = False

    def __post_init__(self) -> None:
        """Compare."""
        self.measured = round(self.measured, 3)
        self.met = self.measured <= self.bound if self.at_most else self.measured >= self.bound


_ADMISSION_MS = 2


def goals(figures: Figures, growth: Growth | None, kinds: tuple[str, ...], items: int) -> list[Goal]:
    """All promises that this run could test."""
    found = [goal for kind in kinds for goal in _of_database(figures, kind, items)]
    return found + ([] if growth is None else list(_of_growth(growth)))


def _of_database(figures: Figures, kind: str, items: int) -> Iterator[Goal]:
    for work, bound in _AT_MOST_PROTOTYPE.items():
        ratio = figures.ratio(kind, work, _FLOW, "prototype")
        if ratio is not None:
            yield Goal(what=f"{kind}: {work}, flow / prototype", measured=ratio, bound=bound, at_most=True)
    for work, other, bound in _AT_LEAST_FASTER:
        ratio = figures.ratio(kind, work, other, _FLOW)
        if ratio is not None:
            yield Goal(what=f"{kind}: {work}, {other} / flow", measured=ratio, bound=bound, at_most=False)
    noop = figures.find(kind, Work.NOOP, "engine")
    if noop is not None and kind == "postgresql":
        what = "postgresql: noop, bytes of log an item"
        yield Goal(what=what, measured=noop.log_bytes / items, bound=_LOG_BYTES_AN_ITEM, at_most=True)


def _of_growth(growth: Growth) -> Iterator[Goal]:
    what = "bookkeeping's share of a sync of 10,000 items"
    yield Goal(what=what, measured=growth.bookkeeping_share, bound=_BOOKKEEPING_SHARE, at_most=True)
    for one in growth.admissions:
        what = f"{one.database}: admission of an account with {one.sessions:,} sessions on record, ms"
        yield Goal(what=what, measured=one.ms, bound=_ADMISSION_MS, at_most=True)
    if growth.memory_ratio is not None and growth.time_ratio is not None:
        what = "1,000,000 items: peak memory / that of 100,000"
        yield Goal(what=what, measured=growth.memory_ratio, bound=_MEMORY_GROWTH, at_most=True)
        what = "1,000,000 items: seconds an item / those of 100,000"
        yield Goal(what=what, measured=growth.time_ratio, bound=_TIME_GROWTH, at_most=True)
