"""What jobs came to, counted by the hour: kept for each, also for those that left no session."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, select
from sqlalchemy import func as sql
from sqlmodel import col

from syncline.model.job import TOOK_BOUNDS_MS, SyncRollup
from syncline.model.session import Status, Tally
from syncline.store.native import execute, instant

__all__ = ["Count", "Rollup", "add", "forget", "percentile_ms", "since"]

_BUCKETS = len(TOOK_BOUNDS_MS) + 1
_ITEMS = ("processed", "created", "updated", "deleted", "unchanged", "rejected")
_COUNTED = (
    "jobs",
    *(f"items_{name}" for name in _ITEMS),
    *("requests", "duration_ms", "waited_ms"),
    *(f"took_{index}" for index in range(_BUCKETS)),
)
_KEY = ("source", "hour", "status", "slot")
_ADD = (
    f"UPDATE sync_rollups SET {', '.join(f'{name} = {name} + ?' for name in _COUNTED)}"
    f" WHERE {' AND '.join(f'{name} = ?' for name in _KEY)} RETURNING jobs"
)
_INSERT = (
    f"INSERT INTO sync_rollups ({', '.join((*_COUNTED, *_KEY))}) VALUES"
    f" ({', '.join('?' * (len(_COUNTED) + len(_KEY)))})"
    f" ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET"
    f" {', '.join(f'{name} = sync_rollups.{name} + excluded.{name}' for name in _COUNTED)}"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """One job's end, as it is counted.

    Attributes:
        source: the account's source.
        status: what it came to.
        ended: when.
        took_ms: how long its sync took, in milliseconds.
        waited_ms: how long after it was due it began.
        tally: what was read and stored.
    """

    source: str
    status: Status
    ended: datetime
    took_ms: int
    waited_ms: int
    tally: Tally = field(default_factory=Tally)


def add(connection: Connection, counts: Iterable[Count], *, slot: int) -> None:
    """Count these ends; `slot` is the drain's, so that two of them do not wait for each other's row."""
    for (source, hour, status), sums in _summed(counts).items():
        key = (source, instant(connection, hour), str(status), slot)
        if not execute(connection, _ADD, [*sums, *key]):
            execute(connection, _INSERT, [*sums, *key])


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollup:
    """What the jobs of a source came to in a time.

    Attributes:
        jobs: how many ended.
        tally: what they read and stored.
        duration_ms: how long they took in all.
        waited_ms: how long they waited in all, after they were due.
        took: how many took how long, by the bounds of `TOOK_BOUNDS_MS`; the last count has no bound.
    """

    jobs: int
    tally: Tally
    duration_ms: int
    waited_ms: int
    took: tuple[int, ...]

    def percentile_ms(self, part: float) -> float | None:
        """As the function of this name has it."""
        return percentile_ms(self.took, part)


def percentile_ms(took: Sequence[int], part: float) -> float | None:
    """The duration that this part (0 to 1) of the jobs did not exceed, in milliseconds, as far as is counted.

    `took` says how many took how long. Between two bounds it is interpolated; beyond the last one, that bound stands
    for it. None: there are none.
    """
    wanted, seen = part * sum(took), 0
    for index, number in enumerate(took):
        if number and seen + number >= wanted:
            low = TOOK_BOUNDS_MS[index - 1] if index else 0
            high = TOOK_BOUNDS_MS[min(index, len(TOOK_BOUNDS_MS) - 1)]
            return low + (high - low) * max(0.0, wanted - seen) / number if high > low else float(high)
        seen += number
    return None


def since(connection: Connection, start: datetime, *, source: str | None = None) -> Mapping[tuple[str, Status], Rollup]:
    """What came of jobs from the hour of `start` on, by source and outcome."""
    named = [] if source is None else [col(SyncRollup.source) == source]
    sums = [sql.sum(getattr(SyncRollup, name)) for name in _COUNTED]
    group = col(SyncRollup.source), col(SyncRollup.status)
    wanted = select(*group, *sums).where(*named, col(SyncRollup.hour) >= _hour(start)).group_by(*group)
    return {(row[0], row[1]): _rollup([int(value) for value in row[2:]]) for row in connection.execute(wanted)}


def forget(connection: Connection, before: datetime, *, dry_run: bool = False) -> int:
    """Delete the counts of hours before this instant, or only count them; returns how many rows there were."""
    old = col(SyncRollup.hour) < _hour(before)
    if dry_run:
        return connection.execute(select(sql.count()).select_from(SyncRollup).where(old)).scalar_one()
    return connection.execute(delete(SyncRollup).where(old)).rowcount


def _rollup(values: Sequence[int]) -> Rollup:
    jobs, *items = values[: 1 + len(_ITEMS)]
    requests, duration_ms, waited_ms, *took = values[1 + len(_ITEMS) :]
    tally = Tally(**dict(zip(_ITEMS, items, strict=True)), requests=requests)
    return Rollup(jobs=jobs, tally=tally, duration_ms=duration_ms, waited_ms=waited_ms, took=tuple(took))


def _summed(counts: Iterable[Count]) -> Mapping[tuple[str, datetime, Status], Sequence[int]]:
    """In the order of their keys, so that two drains never deadlock."""
    found: dict[tuple[str, datetime, Status], list[int]] = {}
    for one in counts:
        sums = found.setdefault((one.source, _hour(one.ended), one.status), [0] * len(_COUNTED))
        for index, value in enumerate(_counted(one)):
            sums[index] += value
    return dict(sorted(found.items(), key=lambda entry: (entry[0][0], entry[0][1], str(entry[0][2]))))


def _counted(one: Count) -> Sequence[int]:
    tally = one.tally
    items = tally.processed, tally.created, tally.updated, tally.deleted, tally.unchanged, tally.rejected
    took = [0] * _BUCKETS
    took[bisect_left(TOOK_BOUNDS_MS, one.took_ms)] = 1
    return [1, *items, tally.requests, one.took_ms, one.waited_ms, *took]


def _hour(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
