"""Sessions: one row for each attempt to bring a source up to date, and its outcome."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import text
from sqlmodel import Field, Index

from syncline.model.columns import BigInt, choice
from syncline.model.policies import Mode
from syncline.model.row import Row
from syncline.model.target import Target

__all__ = ["OPEN_STATUSES", "SessionTotal", "Status", "SyncSession", "Tally", "Trigger", "is_mostly_rejected"]

_MANY = 10
"""So many rejected items of an incremental run are no longer a few bad ones."""


class Status(StrEnum):
    """The outcome of a due tick."""

    RUNNING = "running"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"
    DEFERRED = "deferred"
    CANCELLED = "cancelled"
    CRASHED = "crashed"
    MISSED = "missed"


OPEN_STATUSES = (Status.RUNNING,)


class Trigger(StrEnum):
    """Who or what started a session."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    API = "api"
    WEBHOOK = "webhook"
    EVENT = "event"
    RETRY = "retry"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """What was counted; tallies add up.

    Attributes:
        pages: pages stored.
        processed: distinct items read: created + updated + unchanged + rejected.
        created: rows that were not there.
        updated: rows of which a stored column changed.
        unchanged: rows that were the same.
        deleted: rows that were removed.
        rejected: items that could not be stored; each is in `rejects` with its reason.
        requests: requests sent for it, those that failed and redirects included.
    """

    pages: int = 0
    processed: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    rejected: int = 0
    requests: int = 0

    def __add__(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(
            pages=self.pages + other.pages,
            processed=self.processed + other.processed,
            created=self.created + other.created,
            updated=self.updated + other.updated,
            unchanged=self.unchanged + other.unchanged,
            deleted=self.deleted + other.deleted,
            rejected=self.rejected + other.rejected,
            requests=self.requests + other.requests,
        )


_IS_OPEN = text(f"status = '{Status.RUNNING}'")
_IS_OF_JOB = text("job_id IS NOT NULL")


class SyncSession(Row, table=True):
    """One attempt to bring a target up to date."""

    __tablename__ = "sync_sessions"
    __table_args__ = (
        Index("ix_sync_sessions_source", "source", "started_at"),
        Index("ix_sync_sessions_target", "source", "account_id", "started_at"),
        Index("ix_sync_sessions_open", "source", "account_id", sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN),
        Index("ix_sync_sessions_started_at", "started_at"),
        Index("ix_sync_sessions_status", "status", "started_at"),
        Index("ix_sync_sessions_source_status", "source", "status", "started_at"),
        Index("ix_sync_sessions_tick", "source", "scheduled_for"),
        Index("ix_sync_sessions_job", "job_id", sqlite_where=_IS_OF_JOB, postgresql_where=_IS_OF_JOB),
    )

    id: str = Field(primary_key=True)
    source: str
    account_id: str = ""
    job_id: int | None = Field(default=None, sa_type=BigInt)
    """The account's job whose end it tells; None for a run of the source itself."""
    trigger: Trigger = Field(sa_type=choice(Trigger))
    mode: Mode = Field(sa_type=choice(Mode))
    status: Status = Field(sa_type=choice(Status))
    reason: str | None = None
    started_at: datetime
    completed_at: datetime | None = None
    total_pages: int | None = None
    pages_processed: int = 0
    items_processed: int = 0
    items_created: int = 0
    items_updated: int = 0
    items_deleted: int = 0
    items_unchanged: int = 0
    items_rejected: int = 0
    requests: int = 0
    retry_count: int = 0
    error_type: str | None = None
    error_message: str | None = None
    retry_at: datetime | None = None
    held: bool = False
    """Whether a hold deferred it: releasing that one lets it go on before `retry_at`."""
    flow_run_id: str | None = Field(default=None, index=True)
    scheduled_for: datetime | None = None
    """The tick of the schedule that it answers; of several, the first."""
    scheduled_until: datetime | None = None
    """The last tick that it answers, where it is the outcome of several."""
    ticks: int = Field(default=1, sa_type=BigInt)
    """How many runs it stands for: one, except where a long downtime left more missed ticks than rows are made for."""
    result_no: int | None = Field(default=None, sa_type=BigInt, index=True, unique=True)
    """Its place among all that have ended, once somebody followed them."""

    @property
    def target(self) -> Target:
        """What it brings up to date."""
        return Target(self.source, self.account_id)


class SessionTotal(Row, table=True):
    """How many sessions of a source had one outcome, kept in step as they close: nobody counts a million rows.

    The count is spread over several rows, so that sessions of one source which end at once do not wait for each other.
    """

    __tablename__ = "session_totals"

    source: str = Field(primary_key=True)
    status: Status = Field(primary_key=True, sa_type=choice(Status))
    sessions: int = Field(sa_type=BigInt)
    duration_ms: int = Field(sa_type=BigInt)
    """How long they took in all, in milliseconds."""
    slot: int = Field(default=0, primary_key=True, sa_column_kwargs={"autoincrement": False})
    """Which of the rows: the count is their sum."""


def is_mostly_rejected(mode: Mode, *, processed: int, rejected: int) -> bool:
    """Whether so many of the items that a run read do not fit that the source is failing.

    An incremental run reads the same few bad items again and again; they alone are no sign.
    """
    enough = rejected >= _MANY if mode is Mode.INCREMENTAL else rejected > 0
    return enough and 2 * rejected > processed
