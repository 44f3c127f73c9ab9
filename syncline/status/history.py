"""The history of syncs: sessions with their outcome, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from sqlalchemy import Connection, and_, or_, select
from sqlmodel import Session, col

from syncline.clock import milliseconds
from syncline.model.policies import Mode
from syncline.model.session import OPEN_STATUSES, Status, SyncSession, Trigger

__all__ = ["NEVER_RAN", "HistoryEntry", "as_seed", "history", "newest_that_ran"]

NEVER_RAN = (Status.SKIPPED, Status.MISSED)
"""Statuses of ticks for which no sync was started."""
_BY_ITSELF = frozenset({Trigger.SCHEDULE, Trigger.RETRY})


class HistoryEntry(BaseModel):
    """A session as the API tells it; in JSON with the names that dashboards know.

    Instants are milliseconds since 1970-01-01 UTC.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True, frozen=True)

    id: str
    sync_type: str = Field(description="the source")
    account_id: str | None
    started_at: int
    completed_at: int | None
    status: Status
    total_pages: int | None
    pages_processed: int
    items_processed: int
    items_created: int
    items_updated: int
    items_deleted: int
    items_unchanged: int
    items_rejected: int
    error_type: str | None
    error_message: str | None
    sync_mode: str = Field(description="auto: by its schedule, or going on later by itself; manual: asked for")
    trigger: Trigger
    mode: Mode
    reason: str | None = Field(description="why it was skipped, deferred or partial")
    requests: int
    retry_count: int
    retry_at: int | None = Field(description="when a deferred session goes on")
    flow_run_id: str | None = Field(description="its run in Prefect")


def history(
    connection: Connection,
    source: str | None = None,
    *,
    limit: int = 20,
    status: Status | None = None,
    before: datetime | None = None,
    account_id: str | None = None,
    after: tuple[datetime, str] | None = None,
) -> Sequence[SyncSession]:
    """The newest `limit` sessions: of one source or of all, with one outcome or any, begun before an instant or not.

    With `account_id`, those of one account of the source; with `after`, those that follow the session that began then
    and has this id, which was the last of the page before.
    """
    newest = select(SyncSession).order_by(col(SyncSession.started_at).desc(), col(SyncSession.id).desc()).limit(limit)
    if source is not None:
        newest = newest.where(col(SyncSession.source) == source)
    if status is not None:
        newest = newest.where(col(SyncSession.status) == status)
    if before is not None:
        newest = newest.where(col(SyncSession.started_at) < before)
    if account_id is not None:
        newest = newest.where(col(SyncSession.account_id) == account_id)
    if after is not None:
        began, session_id = after
        same = and_(col(SyncSession.started_at) == began, col(SyncSession.id) < session_id)
        newest = newest.where(col(SyncSession.started_at) <= began, or_(col(SyncSession.started_at) < began, same))
    return Session(connection).scalars(newest).all()


def newest_that_ran(connection: Connection, source: str, *, ended: bool = False) -> SyncSession | None:
    """The newest session of `source` that really ran, or still does; with `ended` only one that has its outcome."""
    but = (*NEVER_RAN, *OPEN_STATUSES) if ended else NEVER_RAN
    ran = select(SyncSession).where(col(SyncSession.source) == source, col(SyncSession.status).not_in(but))
    return Session(connection).scalars(ran.order_by(col(SyncSession.started_at).desc()).limit(1)).first()


_OTHERWISE = {"source", "account_id", "started_at", "completed_at", "retry_at", "scheduled_for"}
"""Columns that the API does not have, or has in another form."""


def as_seed(session: SyncSession) -> HistoryEntry:
    """The session as the API tells it."""
    return HistoryEntry(
        **session.model_dump(exclude=_OTHERWISE),
        sync_type=session.source,
        account_id=session.account_id or None,
        started_at=milliseconds(session.started_at),
        completed_at=_milliseconds(session.completed_at),
        retry_at=_milliseconds(session.retry_at),
        sync_mode="auto" if session.trigger in _BY_ITSELF else "manual",
    )


def _milliseconds(instant: datetime | None) -> int | None:
    return None if instant is None else milliseconds(instant)
