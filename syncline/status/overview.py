"""What each source does now: its state, its running session, what it waits for, how its last one ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from syncline.model.records import Heartbeat, Hold
from syncline.model.session import Status, SyncSession
from syncline.model.source import Source
from syncline.status.history import history, newest_that_ran
from syncline.status.metrics import FAILED, SUCCESSFUL
from syncline.status.row_counts import RowCount, count_rows
from syncline.store import heartbeats, holds, sessions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from syncline.model.service import Service

__all__ = ["Progress", "SourceOverview", "State", "overview"]


class State(StrEnum):
    """A source in one word."""

    RUNNING = "running"
    WAITING = "waiting"
    """A session is open, and waits for a hold or a rate limit."""
    PAUSED = "paused"
    FAILING = "failing"
    DEFERRED = "deferred"
    """Its last session was put off; it goes on at `last_run.retry_at`."""
    CANCELLED = "cancelled"
    IN_STEP = "in step"
    NEW = "new"
    """It never ran."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the running session is.

    Attributes:
        session: the open session.
        items_per_second: items read per second since it began.
        fraction: pages stored of all pages, 0 to 1; None where the upstream does not tell how many there are.
    """

    session: SyncSession
    items_per_second: float
    fraction: float | None


@dataclass(frozen=True, kw_only=True)
class SourceOverview:
    """One source, now.

    Attributes:
        name: the source.
        upstream: the API that it is read from.
        rows: how many rows its table has; None where it keeps no dataset.
        progress: its running session; of several (accounts), the oldest.
        running: how many sessions of it are open.
        last: the newest session, whatever its fate, also one that never ran; None before the first.
        last_run: the newest session that ran and ended.
        heartbeat: its last sign of life; None before the first run.
        holds: the holds in force on it, the oldest first.
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

    @property
    def consecutive_failures(self) -> int:
        """Failures since the last success."""
        return 0 if self.heartbeat is None else self.heartbeat.error_count

    @property
    def state(self) -> State:
        """The source in one word: what it does now, else what stands in its way, else how it last ended."""
        if self.progress is not None:
            waits = self.heartbeat is not None and self.heartbeat.waiting_for is not None
            return State.WAITING if waits else State.RUNNING
        if any(hold.account_id is None for hold in self.holds):
            return State.PAUSED
        return State.NEW if self.last_run is None else _LEFT_BY[self.last_run.status]


_LEFT_BY = (
    dict.fromkeys(SUCCESSFUL, State.IN_STEP)
    | dict.fromkeys(FAILED, State.FAILING)
    | {Status.DEFERRED: State.DEFERRED, Status.CANCELLED: State.CANCELLED}
)
"""How a run that ended leaves its source."""


def overview(connection: Connection, sources: Iterable[Service], now: datetime) -> list[SourceOverview]:
    """The state of each of `sources`, in their order."""
    beats = {beat.source: beat for beat in heartbeats.every(connection)}
    held = holds.active_all(connection, now=now)
    open_sessions = sessions.running(connection)
    return [
        _source(connection, source, open_sessions=open_sessions, heartbeat=beats.get(source.name), held=held, now=now)
        for source in sources
    ]


def _source(
    connection: Connection,
    source: Service,
    *,
    open_sessions: Sequence[SyncSession],
    heartbeat: Heartbeat | None,
    held: Sequence[Hold],
    now: datetime,
) -> SourceOverview:
    mine = [session for session in open_sessions if session.source == source.name]
    newest = history(connection, source.name, limit=1)
    return SourceOverview(
        name=source.name,
        upstream=source.upstream.name,
        rows=count_rows(connection, source) if isinstance(source, Source) else None,
        progress=_progress(mine[0], now) if mine else None,
        running=len(mine),
        last=newest[0] if newest else None,
        last_run=newest_that_ran(connection, source.name, ended=True),
        heartbeat=heartbeat,
        holds=tuple(hold for hold in held if hold.source in {source.name, holds.EVERY_SOURCE}),
    )


def _progress(session: SyncSession, now: datetime) -> Progress:
    seconds = (now - session.started_at).total_seconds()
    total = session.total_pages
    return Progress(
        session=session,
        items_per_second=session.items_processed / seconds if seconds > 0 else 0,
        fraction=min(session.pages_processed / total, 1) if total else None,
    )
