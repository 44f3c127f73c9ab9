"""Jobs: one account's sync that is due, and what they came to, counted by the hour."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, text
from sqlmodel import Field, Index

from syncline.model.columns import BigInt, KeyText, choice
from syncline.model.policies import Mode, Priority
from syncline.model.row import Row
from syncline.model.session import Status
from syncline.model.target import Target

__all__ = [
    "MAX_CRASHES",
    "MAX_RETRIES",
    "TOOK_BOUNDS_MS",
    "DrainRow",
    "Job",
    "JobReason",
    "JobStatus",
    "Sweep",
    "SyncRollup",
]

MAX_RETRIES = 5
"""How often a job is tried again before it is a dead letter."""
MAX_CRASHES = 10
"""A job whose drains died so often in a row is what kills them: it becomes a dead letter."""


class JobStatus(StrEnum):
    """Where a job stands; one that ended well, or that nothing can come of, is gone."""

    QUEUED = "queued"
    PROCESSING = "processing"
    FAILED = "failed"
    """A dead letter: it is kept until it is retried or dropped."""


class JobReason(StrEnum):
    """Why an account's sync is due."""

    SCHEDULE = "schedule"
    STALE = "stale"
    WEBHOOK = "webhook"
    MANUAL = "manual"
    EVENT = "event"
    RETRY = "retry"


_IS_OPEN = text(f"status <> '{JobStatus.FAILED}'")
_IS_QUEUED = text(f"status = '{JobStatus.QUEUED}'")
_IS_PROCESSING = text(f"status = '{JobStatus.PROCESSING}'")
_IS_FAILED = text(f"status = '{JobStatus.FAILED}'")


class Job(Row, table=True):
    """One account's sync that is due, under way, or given up."""

    __tablename__ = "sync_jobs"
    __table_args__ = (
        Index("ix_sync_jobs_open", "account_id", unique=True, sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN),
        Index(
            "ix_sync_jobs_ready",
            *("source", "priority", "scheduled_us", "user_id"),
            sqlite_where=_IS_QUEUED,
            postgresql_where=_IS_QUEUED,
        ),
        Index("ix_sync_jobs_leases", "lease_us", sqlite_where=_IS_PROCESSING, postgresql_where=_IS_PROCESSING),
        Index("ix_sync_jobs_failed", "created_us", sqlite_where=_IS_FAILED, postgresql_where=_IS_FAILED),
        Index("ix_sync_jobs_dead", "account_id", sqlite_where=_IS_FAILED, postgresql_where=_IS_FAILED),
        {"sqlite_autoincrement": True},  # an id that comes again would let a late end through
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInt)
    account_id: str = Field(sa_type=KeyText)
    user_id: str
    source: str
    calendar_ids: list[str] | None = Field(default=None, sa_type=JSON)
    """What of the account; None: all of it."""
    type: Mode = Field(default=Mode.INCREMENTAL, sa_type=choice(Mode))
    priority: Priority = Field(default=Priority.NORMAL, sa_type=choice(Priority))
    scheduled_us: int = Field(sa_type=BigInt)
    """When it is due, in microseconds since 1970; the other instants are alike."""
    status: JobStatus = Field(default=JobStatus.QUEUED, sa_type=choice(JobStatus))
    reason: JobReason = Field(default=JobReason.SCHEDULE, sa_type=choice(JobReason))
    again: Priority | None = Field(default=None, sa_type=choice(Priority))
    """The best priority that was asked for while it was under way: it is queued anew when it ends."""
    again_type: Mode | None = Field(default=None, sa_type=choice(Mode))
    """What was asked for then; and of what of the account, None: all of it."""
    again_calendar_ids: list[str] | None = Field(default=None, sa_type=JSON)
    retry_count: int = 0
    max_retries: int = MAX_RETRIES
    crashes: int = 0
    """How often its drain died while it was under way, since one saw it end."""
    owner: str | None = None
    """The drain that has it."""
    fence: int = Field(default=0, sa_type=BigInt)
    """Rises with each claim: an end that comes with an older one changes nothing."""
    lease_us: int | None = Field(default=None, sa_type=BigInt)
    """When its owner counts as dead."""
    error_type: str | None = None
    error_message: str | None = None
    session_id: str | None = None
    """The last session that it left."""
    created_us: int = Field(sa_type=BigInt)

    @property
    def target(self) -> Target:
        """What it brings up to date."""
        return Target(self.source, self.account_id)


TOOK_BOUNDS_MS = (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000)
"""The upper bounds of how long jobs took, in milliseconds, as `SyncRollup` counts them; the last count has none."""


class SyncRollup(Row, table=True):
    """What the jobs of a source came to in an hour: those too that left no session, as nothing had changed.

    It is counted in several rows, one for each drain's slot, so that drains do not wait for each other.
    """

    __tablename__ = "sync_rollups"

    source: str = Field(primary_key=True)
    hour: datetime = Field(primary_key=True)
    status: Status = Field(primary_key=True, sa_type=choice(Status))
    slot: int = Field(default=0, primary_key=True, sa_column_kwargs={"autoincrement": False})
    jobs: int = Field(default=0, sa_type=BigInt)
    items_processed: int = Field(default=0, sa_type=BigInt)
    items_created: int = Field(default=0, sa_type=BigInt)
    items_updated: int = Field(default=0, sa_type=BigInt)
    items_deleted: int = Field(default=0, sa_type=BigInt)
    items_unchanged: int = Field(default=0, sa_type=BigInt)
    items_rejected: int = Field(default=0, sa_type=BigInt)
    requests: int = Field(default=0, sa_type=BigInt)
    duration_ms: int = Field(default=0, sa_type=BigInt)
    waited_ms: int = Field(default=0, sa_type=BigInt)
    """How long after they were due they began, in all."""
    took_0: int = Field(default=0, sa_type=BigInt)
    """How many took at most `TOOK_BOUNDS_MS[0]`; the next count those above the bound before, up to their own."""
    took_1: int = Field(default=0, sa_type=BigInt)
    took_2: int = Field(default=0, sa_type=BigInt)
    took_3: int = Field(default=0, sa_type=BigInt)
    took_4: int = Field(default=0, sa_type=BigInt)
    took_5: int = Field(default=0, sa_type=BigInt)
    took_6: int = Field(default=0, sa_type=BigInt)
    took_7: int = Field(default=0, sa_type=BigInt)
    took_8: int = Field(default=0, sa_type=BigInt)
    took_9: int = Field(default=0, sa_type=BigInt)
    took_10: int = Field(default=0, sa_type=BigInt)


class Sweep(Row, table=True):
    """The last look at who is due, of a source with accounts."""

    __tablename__ = "sweeps"

    source: str = Field(primary_key=True)
    swept_at: datetime
    queued: int = Field(default=0, sa_type=BigInt)
    """How many jobs it made or brought forward."""
    total: int = Field(default=0, sa_type=BigInt)
    """How many accounts there were."""
    active: int = Field(default=0, sa_type=BigInt)
    """How many of them somebody had used lately."""
    level: float | None = None
    """The price of a sync, by which adaptive freshness spreads them; None: not known yet."""


class DrainRow(Row, table=True):
    """A drain that lives: one for each host and slot."""

    __tablename__ = "drains"

    host: str = Field(primary_key=True)
    slot: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    owner: str
    """Tells it from all drains that ever were."""
    boot_id: str
    pid: int
    process_started: int
    started_us: int = Field(sa_type=BigInt)
    seen_us: int = Field(sa_type=BigInt)
    """Its last sign of life."""
    priorities: str
    """The lanes that it works on, the most urgent first, parted by commas."""
    asked_by: str | None = None
    """The drain that wants its place: it ends what is under way, and leaves."""
    capacity: int
    """How many jobs it has under way at most."""
    under_way: int = 0
    ended_high: int = Field(default=0, sa_type=BigInt)
    """How many high jobs ended in the last minute; the next two are alike."""
    ended_normal: int = Field(default=0, sa_type=BigInt)
    ended_low: int = Field(default=0, sa_type=BigInt)
