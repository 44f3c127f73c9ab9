"""How the last runs of a source fared: read by the index of each fate, so that a million sessions take no longer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from sqlalchemy import Connection, Select, select, union_all
from sqlmodel import col

from syncline.model.session import Status, SyncSession
from syncline.status.metrics import FAILED, SUCCESSFUL

__all__ = ["RECENT", "Recent", "Run", "recent_runs"]

RECENT = 20
"""How many runs are recent."""

_FATES = sorted(SUCCESSFUL | FAILED)
_COLUMNS = (
    col(SyncSession.status),
    col(SyncSession.started_at),
    col(SyncSession.completed_at),
    col(SyncSession.items_processed),
    col(SyncSession.retry_count),
    col(SyncSession.error_type),
    col(SyncSession.error_message),
    col(SyncSession.reason),
    col(SyncSession.flow_run_id),
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run that came to an end, good or bad; fields as in `SyncSession`."""

    status: Status
    started_at: datetime
    completed_at: datetime | None
    items_processed: int
    retry_count: int
    error_type: str | None
    error_message: str | None
    reason: str | None
    flow_run_id: str | None

    @property
    def succeeded(self) -> bool:
        """Whether it stored all that could be stored."""
        return self.status in SUCCESSFUL

    @property
    def ended_at(self) -> datetime:
        """When it ended; a clock that stepped back moves nothing before its beginning."""
        return max(self.completed_at or self.started_at, self.started_at)

    @property
    def took(self) -> timedelta:
        """How long it went on."""
        return self.ended_at - self.started_at

    @property
    def error(self) -> str | None:
        """What went wrong, on one line; None where it went well."""
        if self.succeeded:
            return None
        told = ": ".join(part for part in (self.error_type, self.error_message) if part) or self.reason
        return " ".join((told or self.status.value).split())


@dataclass(frozen=True, kw_only=True)
class Recent:
    """The last runs of a source that ended completed, partial, failed or crashed.

    Attributes:
        runs: the newest first, `RECENT` at most. What was skipped, missed, deferred or cancelled says nothing of
            how well a source works, and is not among them.
    """

    runs: tuple[Run, ...]

    @property
    def last(self) -> Run | None:
        """The newest; None before the first."""
        return self.runs[0] if self.runs else None

    @property
    def success(self) -> float | None:
        """The part of them that went well, 0 to 1; None before the first."""
        return sum(run.succeeded for run in self.runs) / len(self.runs) if self.runs else None

    @property
    def failed_attempts(self) -> int:
        """How many attempts failed since the last success: each failed run, and the retries within it."""
        return sum(1 + run.retry_count for run in takewhile(lambda run: not run.succeeded, self.runs))


def recent_runs(connection: Connection, source: str) -> Recent:
    """The last runs of `source`, of all of its accounts."""
    newest = union_all(*(select(_newest(source, fate).subquery()) for fate in _FATES)).subquery()
    rows = connection.execute(select(newest).order_by(newest.c.started_at.desc()).limit(RECENT))
    return Recent(runs=tuple(Run(**row) for row in rows.mappings()))


def _newest(source: str, fate: Status) -> Select[Any]:
    mine = select(*_COLUMNS).where(col(SyncSession.source) == source, col(SyncSession.status) == fate)
    return mine.order_by(col(SyncSession.started_at).desc()).limit(RECENT)
