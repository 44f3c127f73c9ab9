"""The sessions that jobs left: a job that is gone is told from the newest of them."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlmodel import Session, col

from syncline.model.session import SyncSession

__all__ = ["newest"]


def newest(connection: Connection, job_id: int) -> SyncSession | None:
    """The newest session of the job; None: it left none, or it is older than sessions are kept."""
    mine = select(SyncSession).where(col(SyncSession.job_id) == job_id, col(SyncSession.job_id).is_not(None))
    order = col(SyncSession.completed_at).desc(), col(SyncSession.id).desc()
    return Session(connection).scalars(mine.order_by(*order).limit(1)).first()
