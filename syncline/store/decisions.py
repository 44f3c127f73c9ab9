"""Decisions on moderated items: made once, over what stands there at that moment, and kept longer than the item.

A decision belongs to the content that it was made on. An item that is deleted because its feed left it out, and comes
back the same, is as it was decided; one that was rejected and comes back otherwise waits for a decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select, update

from syncline.model.items import STATUS, ItemStatus, table_of
from syncline.model.listings import Listing, ListingDecision
from syncline.store import audit
from syncline.store.upserts import upsert

__all__ = ["Decision", "Outcome", "decide", "recall"]

_ACTIONS = {ItemStatus.LIVE: "listing.approve", ItemStatus.REJECTED: "listing.reject"}


class Outcome(StrEnum):
    """What became of a decision."""

    DECIDED = "decided"
    ALREADY = "already"
    """It was so before; nothing was changed."""
    CHANGED = "changed"
    """It is not any more what the decision was made on; nothing was changed."""
    GONE = "gone"
    """There is no such listing, or no longer."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What somebody decides of a listing.

    Attributes:
        status: live or rejected.
        actor: who decides, as the audit log names them.
        reason: why; a rejection has one.
        seen: the fingerprint of what was looked at; None: whatever stands there.
    """

    status: ItemStatus
    actor: str
    reason: str | None = None
    seen: bytes | None = None


def decide(connection: Connection, source: str, external_id: str, decision: Decision, *, now: datetime) -> Outcome:
    """Approve or reject a listing, whatever was decided of it before, and put that on the audit log."""
    columns = table_of(Listing).c
    mine = (columns.source == source, columns.external_id == external_id)
    as_seen = () if decision.seen is None else (columns.fingerprint == decision.seen,)
    statement = update(table_of(Listing)).where(*mine, *as_seen, columns[STATUS] != decision.status)
    decided = connection.execute(
        statement.values({STATUS: decision.status}).returning(columns.fingerprint, columns.title)
    ).first()
    if decided is None:
        stands = connection.execute(select(columns[STATUS]).where(*mine)).scalar()
        if stands is None:
            return Outcome.GONE
        return Outcome.ALREADY if stands is decision.status else Outcome.CHANGED
    _remember(connection, source, external_id, decision, fingerprint=decided.fingerprint, now=now)
    detail = {"title": decided.title, "reason": decision.reason}
    target, action = f"{source}/{external_id}", _ACTIONS[decision.status]
    audit.record(connection, actor=decision.actor, action=action, target=target, now=now, detail=detail)
    return Outcome.DECIDED


def _remember(
    connection: Connection, source: str, external_id: str, decision: Decision, *, fingerprint: bytes, now: datetime
) -> None:
    values = {
        "status": decision.status,
        "fingerprint": fingerprint,
        "reason": decision.reason,
        "decided_by": decision.actor,
        "decided_at": now,
    }
    upsert(connection, ListingDecision, {"source": source, "external_id": external_id}, values)


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
