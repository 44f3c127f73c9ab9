"""Listings, read in pages that follow each other by key: none is lost or doubled while others come and go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, literal, select, tuple_
from sqlmodel import Session

from syncline.listings.tables import Listing
from syncline.model.items import STATUS, ItemStatus, table_of

__all__ = ["After", "StoredListing", "Wanted", "count", "find", "page"]


@dataclass(frozen=True, kw_only=True)
class After:
    """The place after a listing: the page begins there."""

    source: str
    external_id: str


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which listings; None: any.

    Attributes:
        status: what was decided of them.
        source: their feed.
        chain, project, kind: as the listings have them, to the letter.
    """

    status: ItemStatus | None = None
    source: str | None = None
    chain: str | None = None
    project: str | None = None
    kind: str | None = None


@dataclass(frozen=True, kw_only=True)
class StoredListing:
    """A listing as it stands in the table.

    Attributes:
        listing: what its feed says of it.
        status: what was decided of it.
        version: its fingerprint: another one means that it was changed.
        synced_at: when it came, or was last changed here.
    """

    listing: Listing
    status: ItemStatus
    version: bytes
    synced_at: datetime


def page(connection: Connection, wanted: Wanted, *, limit: int, after: After | None = None) -> Sequence[StoredListing]:
    """At most `limit` listings in the order of source and key, after `after`."""
    columns = table_of(Listing).c
    behind = tuple_(columns.source, columns.external_id)
    conditions = _conditions(wanted)
    if after is not None:
        conditions.append(behind > tuple_(literal(after.source), literal(after.external_id)))
    return _read(connection, conditions, limit)


def find(connection: Connection, source: str, external_id: str) -> StoredListing | None:
    """One listing; None if there is none."""
    columns = table_of(Listing).c
    return next(iter(_read(connection, [columns.source == source, columns.external_id == external_id], 1)), None)


def count(connection: Connection, wanted: Wanted) -> int:
    """How many there are."""
    statement = select(func.count()).select_from(table_of(Listing)).where(*_conditions(wanted))
    return connection.execute(statement).scalar_one()


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    columns = table_of(Listing).c
    asked: dict[str, Any] = {
        STATUS: wanted.status,
        "source": wanted.source,
        "chain": wanted.chain,
        "project": wanted.project,
        "kind": wanted.kind,
    }
    return [columns[name] == value for name, value in asked.items() if value is not None]


def _read(connection: Connection, conditions: list[ColumnElement[bool]], limit: int) -> list[StoredListing]:
    columns = table_of(Listing).c
    statement = (
        select(Listing, columns[STATUS], columns.fingerprint, columns.synced_at)
        .where(*conditions)
        .order_by(columns.source, columns.external_id)
        .limit(limit)
    )
    session: Any = Session(connection)  # SQLModel types its `exec` for its own `select` alone
    return [
        StoredListing(listing=listing, status=status, version=version, synced_at=synced_at)
        for listing, status, version, synced_at in session.exec(statement)
    ]
