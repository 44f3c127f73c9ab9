"""What the database tells of each source: its running session, its last ones, holds, rows and how fresh they are.

A fixed number of statements reads it for all sources. What it means is decided in `syncline.status.report`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select
from sqlmodel import col

from syncline.model.records import CheckpointRow, Heartbeat, Hold
from syncline.model.session import SyncSession
from syncline.model.source import Source
from syncline.status.latest import Latest, latest
from syncline.status.recent import SUCCESSFUL, Recent, recent_of
from syncline.status.row_counts import CountedTable, RowCount, count_rows, counted_tables
from syncline.store import heartbeats, holds, leases, sessions, timetables

__all__ = ["Freshness", "Progress", "SourceOverview", "overview"]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the running session is.

    Attributes:
        session: the open session.
        items_per_second: items read per second since it began.
        fraction: pages stored of all pages, 0 to 1; None if the upstream does not tell how many there are.
        has_died: whether its process is known to have ended without closing the session, as by `kill -9`.
    """

    session: SyncSession
    items_per_second: float
    fraction: float | None
    has_died: bool = False


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """Up to when a source is known to hold what its upstream has.

    Attributes:
        read_at: all that the upstream showed at this instant is stored: when the last pass began that came to its end,
            full or incremental; of a source without a dataset, when its last good run began. None: never.
        full_at: when the last unbroken full pass began, which alone finds deletions; None: never.
    """

    read_at: datetime | None = None
    full_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class SourceOverview:
    """One source, as the database has it.

    Attributes:
        name: the source.
        upstream: the API that it is read from.
        rows: how many rows its table has; None if it keeps no dataset.
        progress: its running session; of several (accounts), the oldest.
        running: how many sessions of it are open.
        last: the newest session, whatever its status, also one that never ran; None before the first.
        last_run: the newest session that ran and ended.
        recent: how its last runs fared.
        freshness: how fresh its rows are.
        heartbeat: its last sign of life; None before the first run.
        holds: the holds in force on it, the oldest first.
        deletion_refused: whether its last full pass refused to delete what was gone, because it was too much.
        was_off: whether its schedules were switched off when Prefect was last asked; False if it never was.
    """

    name: str
    upstream: str
    rows: RowCount | None
    progress: Progress | None
    running: int
    last: SyncSession | None
    last_run: SyncSession | None
    heartbeat: Heartbeat | None
    holds: tuple[Hold, ...]
    recent: Recent = field(default_factory=Recent)
    freshness: Freshness = field(default_factory=Freshness)
    deletion_refused: bool = False
    was_off: bool = False

    @property
    def consecutive_failures(self) -> int:
        """Failures since the last success."""
        return 0 if self.heartbeat is None else self.heartbeat.error_count

    @property
    def retry_count(self) -> int:
        """How many attempts failed since the last success, those of the running session included."""
        running = 0 if self.progress is None else self.progress.session.retry_count
        return self.recent.failed_attempts + running

    @property
    def is_held(self) -> bool:
        """Whether a hold pauses it as a whole, not only one of its accounts."""
        return any(hold.account_id is None for hold in self.holds)

    @property
    def began_at(self) -> datetime | None:
        """When its last run began, by its heartbeat, else by its last session; None before the first."""
        if self.heartbeat is not None and self.heartbeat.last_run is not None:
            return self.heartbeat.last_run
        ran = self.progress.session if self.progress is not None else self.last_run
        return None if ran is None else ran.started_at


def overview(
    connection: Connection,
    sources: Iterable[Source],
    now: datetime,
    tables: Mapping[str, CountedTable] | None = None,
) -> list[SourceOverview]:
    """What there is to know of each of `sources`, in their order; `tables` are theirs, unless they declare them."""
    sources = tuple(sources)
    tables = counted_tables(sources) if tables is None else tables
    passes, refusing = _passes(connection)
    running = sessions.running(connection)
    read = _Read(
        heartbeats={beat.source: beat for beat in heartbeats.every(connection)},
        holds=holds.active_all(connection, now=now),
        running=running,
        died=leases.of_dead_processes(connection, [session.id for session in running]),
        latest=latest(connection, [source.name for source in sources]),
        passes=passes,
        refusing=refusing,
        off=_off(connection),
        rows=count_rows(connection, tables),
    )
    return [_source(source, read, now) for source in sources]


@dataclass(frozen=True, kw_only=True)
class _Read:
    """What was read for all sources at once."""

    heartbeats: Mapping[str, Heartbeat]
    holds: Sequence[Hold]
    running: Sequence[SyncSession]
    died: frozenset[str]
    latest: Mapping[str, Latest]
    passes: Mapping[str, Freshness]
    refusing: frozenset[str]
    off: frozenset[str]
    rows: Mapping[str, RowCount]


def _source(source: Source, read: _Read, now: datetime) -> SourceOverview:
    mine = [session for session in read.running if session.source == source.name]
    newest = read.latest[source.name]
    fresh = read.passes.get(source.name, Freshness())
    if source.name not in read.rows:
        good = next((one for one in newest.ended if one.status in SUCCESSFUL), None)
        fresh = Freshness(read_at=None if good is None else good.started_at)
    return SourceOverview(
        name=source.name,
        upstream=source.upstream.name,
        rows=read.rows.get(source.name),
        progress=_progress(mine[0], now, has_died=mine[0].id in read.died) if mine else None,
        running=len(mine),
        last=newest.newest,
        last_run=newest.ended[0] if newest.ended else None,
        recent=recent_of(newest.ended),
        freshness=fresh,
        deletion_refused=source.name in read.refusing,
        was_off=source.name in read.off,
        heartbeat=read.heartbeats.get(source.name),
        holds=tuple(hold for hold in read.holds if hold.source in {source.name, holds.EVERY_SOURCE}),
    )


def _passes(connection: Connection) -> tuple[Mapping[str, Freshness], frozenset[str]]:
    """The passes of each source that came to their end, and the sources whose last full pass refused to delete rows.

    Of several accounts, the passes are those that lag most.
    """
    row = CheckpointRow
    columns = col(row.source), col(row.read_to), col(row.full_pass_at), col(row.refusal)
    found: dict[str, Freshness] = {}
    refusing: set[str] = set()
    for source, read_at, full_at, refusal in connection.execute(select(*columns)):
        known = found.get(source, Freshness(read_at=read_at, full_at=full_at))
        found[source] = Freshness(read_at=_earlier(known.read_at, read_at), full_at=_earlier(known.full_at, full_at))
        refusing |= {source} if refusal is not None else set()
    return found, frozenset(refusing)


def _off(connection: Connection) -> frozenset[str]:
    """The sources of which no deployment had a schedule in force when Prefect was last asked."""
    known = timetables.every(connection)
    return frozenset({one.source for one in known}) - {one.source for one in known if not one.is_off}


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else min(one, other)


def _progress(session: SyncSession, now: datetime, *, has_died: bool) -> Progress:
    seconds = (now - session.started_at).total_seconds()
    total = session.total_pages
    return Progress(
        session=session,
        items_per_second=session.items_processed / seconds if seconds > 0 else 0,
        fraction=min(session.pages_processed / total, 1) if total else None,
        has_died=has_died,
    )
