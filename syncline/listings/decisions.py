"""Decisions on listings: made once, over what stands there at that moment, and on the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, select, update

from syncline.listings.tables import Listing
from syncline.model.items import STATUS, ItemStatus, table_of
from syncline.store import audit
from syncline.store.decisions import remember

__all__ = ["Decision", "Outcome", "decide"]

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
    """What an operator decides on a listing.

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
    remember(
        connection,
        source,
        external_id,
        decision.status,
        fingerprint=decided.fingerprint,
        reason=decision.reason,
        actor=decision.actor,
        now=now,
    )
    detail = {"title": decided.title, "reason": decision.reason}
    target, action = f"{source}/{external_id}", _ACTIONS[decision.status]
    audit.record(connection, actor=decision.actor, action=action, target=target, now=now, detail=detail)
    return Outcome.DECIDED
