"""What was decided of moderated items: kept longer than the item, and given back to one that comes again.

A decision belongs to the content that it was made on. An item that is deleted because its feed left it out, and comes
back the same, is as it was decided; one that was rejected and comes back otherwise waits for a decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from syncline.model.items import STATUS, ItemStatus
from syncline.model.moderation import ItemDecision
from syncline.store.upserts import upsert

__all__ = ["recall", "remember"]


def remember(
    connection: Connection,
    source: str,
    key: str,
    status: ItemStatus,
    *,
    fingerprint: bytes,
    reason: str | None,
    actor: str,
    now: datetime,
) -> None:
    """Keep what `actor` decided of an item with this content, in place of what was decided of it before."""
    values = {
        "status": status,
        "fingerprint": fingerprint,
        "reason": reason,
        "decided_by": actor,
        "decided_at": now,
    }
    upsert(connection, ItemDecision, {"source": source, "external_id": key}, values)


def recall(connection: Connection, table: str, key: str, where: str, bound: Mapping[str, object]) -> None:
    """Give rows that were just made what was decided of them when they were there before.

    Args:
        connection: the transaction that made them.
        table: their table, which has a column `source`.
        key: their key column.
        where: which rows, as the driver takes it.
        bound: the values of `where`.
    """
    decided = f'listing_decisions AS d WHERE d.source = "{table}".source AND d.external_id = "{table}"."{key}"'
    status = (
        f'CASE WHEN d.fingerprint = "{table}".fingerprint THEN d.status '
        f"WHEN d.status = '{ItemStatus.REJECTED}' THEN '{ItemStatus.PENDING}' ELSE \"{table}\".\"{STATUS}\" END"
    )
    cursor: Any = connection.connection.cursor()
    try:
        cursor.execute(
            f'UPDATE "{table}" SET "{STATUS}" = (SELECT {status} FROM {decided}) '
            f"WHERE {where} AND EXISTS (SELECT 1 FROM {decided})",
            dict(bound),
        )
    finally:
        cursor.close()
