"""The small tables beside the sessions: what outlives a process."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, Index

from syncline.model.columns import KeyText
from syncline.model.row import Row

__all__ = [
    "AuditEntry",
    "CheckpointRow",
    "Heartbeat",
    "Hold",
    "LeaseRow",
    "PassKey",
    "QueuedRun",
    "Reject",
    "ScheduleOverride",
]


class LeaseRow(Row, table=True):
    """Who may work on a target: one live owner at a time."""

    __tablename__ = "leases"

    source: str = Field(primary_key=True)
    account_id: str = Field(default="", primary_key=True)
    owner: str
    """The session that holds it."""
    fence: int
    """Rises with each change of owner."""
    expires_at: datetime
    host: str
    boot_id: str
    pid: int
    process_started: int
    """The process's start time in clock ticks since boot: tells a process from a later one with its pid."""
    asked_by: str | None = None
    """The session for whose sake the owner is asked to end."""
    released_at: datetime | None = None
    """When the owner gave it back; whose it was can still be told."""


class QueuedRun(Row, table=True):
    """A run that waits for its turn, at a lease that another one has."""

    __tablename__ = "queued_runs"
    __table_args__ = (Index("ix_queued_runs_target", "source", "account_id", "tick"),)

    session_id: str = Field(primary_key=True)
    source: str
    account_id: str = ""
    tick: datetime
    """When it was due: the earliest goes first."""
    expires_at: datetime
    host: str
    boot_id: str
    pid: int
    """0 where it was deferred: it comes back in another process."""
    process_started: int


class CheckpointRow(Row, table=True):
    """Up to where a part of a target is in step, and the state of an unfinished pass."""

    __tablename__ = "checkpoints"

    source: str = Field(primary_key=True)
    account_id: str = Field(default="", primary_key=True)
    part: str = Field(default="", primary_key=True)
    """What of the target: a calendar's id; "" for all of it."""
    cursor: str | None = None
    """The newest change that was stored, as an ISO 8601 instant or the upstream's sync token."""
    full_pass_at: datetime | None = None
    """When the last unbroken full pass began."""
    read_to: datetime | None = None
    """When the last pass began that came to its end: all that the upstream showed then is stored."""
    pass_state: str | None = None
    """The unfinished pass, as JSON (`syncline.passes.state.PassState`)."""
    doubles: str | None = None
    """Keys that the list is known to show more than once, as a JSON list of texts."""
    refusal: str | None = None
    """The deletions that the last full passes refused to make, as JSON (`syncline.passes.prune.Refusal`)."""
    updated_at: datetime


class PassKey(Row, table=True):
    """A key that an unfinished full pass has seen, or found missing in a range that it covered."""

    __tablename__ = "pass_keys"

    source: str = Field(primary_key=True)
    account_id: str = Field(default="", primary_key=True)
    part: str = Field(default="", primary_key=True)
    key: str = Field(primary_key=True, sa_type=KeyText)
    missing: bool
    walk: int = 1
    """The newest of the pass's walks that saw it."""


class Reject(Row, table=True):
    """An item that could not be stored, and why: one row for each item and reason, until it lands or is gone."""

    __tablename__ = "rejects"
    __table_args__ = (
        Index("ix_rejects_item", "source", "account_id", "part", "item", "reason", unique=True),
        Index("ix_rejects_last_seen", "source", "last_seen"),
        Index("ix_rejects_session_id", "session_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    source: str
    account_id: str = ""
    part: str = ""
    item: str
    """Tells the source's items apart: the xxh3-128 of the key, or of the item where its key cannot be read."""
    item_key: str | None = None
    reason: str
    raw: str
    """The item as it came last, cut at 4,000 characters."""
    first_seen: datetime
    last_seen: datetime
    times: int
    """How many sessions met it."""
    session_id: str
    """The last of them."""


class Heartbeat(Row, table=True):
    """The last sign of life of a target."""

    __tablename__ = "heartbeats"

    source: str = Field(primary_key=True)
    account_id: str = Field(default="", primary_key=True)
    last_run: datetime | None = None
    """When its last run began."""
    last_beat: datetime
    """When it last stored a page, began or ended."""
    last_duration_ms: int | None = None
    page: int = 0
    error_count: int = 0
    """Failures since the last success."""
    waiting_for: str | None = None
    """What a running session waits for (a hold, a rate limit), None while it works."""
    waiting_until: datetime | None = None


class Hold(Row, table=True):
    """A pause of a source or an account, with a reason and an expiry."""

    __tablename__ = "holds"
    __table_args__ = (Index("ix_holds_target", "source", "account_id", "released_at"),)

    id: str = Field(primary_key=True)
    source: str
    """The source's name; `*` holds all of them."""
    account_id: str = ""
    """"" for the source itself, and with it all of its accounts."""
    reason: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None = None
    """None: until it is released."""
    released_at: datetime | None = None
    refused: str | None = None
    """Of a hold that refused credentials made: their salted digest, or nothing where it is not known."""


class AuditEntry(Row, table=True):
    """Who changed what, when."""

    __tablename__ = "audit_log"

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(index=True)
    actor: str
    """The token's subject, or `cli:USER`."""
    action: str
    """Such as `hold.create`, `schedule.start`, `schedule.stop`."""
    target: str
    detail: str | None = None
    """JSON; never a secret."""


class ScheduleOverride(Row, table=True):
    """An interval that an operator set in place of the one in prefect.yaml."""

    __tablename__ = "schedule_overrides"

    source: str = Field(primary_key=True)
    interval_seconds: int
    changed_at: datetime
    changed_by: str
