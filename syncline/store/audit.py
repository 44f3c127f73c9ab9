"""The audit log: who changed what, when."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select
from sqlmodel import Session, col

from syncline.model.tables import AuditEntry

__all__ = ["latest", "of_target", "record"]


def record(
    connection: Connection,
    *,
    actor: str,
    action: str,
    target: str,
    now: datetime,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Write an entry; `detail` is kept as JSON and must not carry a secret."""
    text = None if detail is None else json.dumps(detail, default=str, sort_keys=True)
    values = {"at": now, "actor": actor, "action": action, "target": target, "detail": text}
    connection.execute(insert(AuditEntry), values)


def latest(connection: Connection, *, limit: int = 50) -> Sequence[AuditEntry]:
    """The newest entries, the newest first."""
    return Session(connection).scalars(select(AuditEntry).order_by(col(AuditEntry.id).desc()).limit(limit)).all()


def of_target(
    connection: Connection, target: str, actions: Sequence[str], *, since: datetime
) -> list[tuple[datetime, str]]:
    """When which of these actions were done to `target` after `since`, the earliest first."""
    at, action = col(AuditEntry.at), col(AuditEntry.action)
    mine = (col(AuditEntry.target) == target, action.in_(actions), at > since)
    found = connection.execute(select(at, action).where(*mine).order_by(col(AuditEntry.id))).all()
    return [(row.at, row.action) for row in found]
