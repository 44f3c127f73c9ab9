"""Rejects: items that could not be stored, each with its reason."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, select
from sqlmodel import Session, col

from syncline.model.records import Reject

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["add", "of_session"]

_RAW_LIMIT = 4_000


def add(
    connection: Connection,
    session_id: str,
    source: str,
    rejected: Iterable[tuple[object, str, bytes]],
    *,
    now: datetime,
) -> None:
    """Keep items with their key (None where it cannot be read), the reason and the item as it came."""
    rows = [
        {
            "session_id": session_id,
            "source": source,
            "item_key": None if key is None else str(key),
            "reason": reason,
            "raw": raw.decode("utf-8", "replace").replace("\x00", "")[:_RAW_LIMIT],
            "rejected_at": now,
        }
        for key, reason, raw in rejected
    ]
    if rows:
        connection.execute(insert(Reject), rows)


def of_session(connection: Connection, session_id: str) -> Sequence[Reject]:
    """What a session rejected, in order."""
    mine = select(Reject).where(col(Reject.session_id) == session_id).order_by(col(Reject.id))
    return Session(connection).scalars(mine).all()
