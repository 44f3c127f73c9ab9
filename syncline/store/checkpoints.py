"""Checkpoints: up to where a source is in step, and where an unfinished pass goes on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select
from sqlmodel import Session, col

from syncline.model.records import CheckpointRow
from syncline.store.upserts import upsert

__all__ = ["advance", "read", "write"]


def read(connection: Connection, source: str, account_id: str | None) -> CheckpointRow | None:
    """The checkpoint of a source (or an account's source); None before its first pass."""
    of_source = col(CheckpointRow.source) == source, col(CheckpointRow.account_id) == (account_id or "")
    return Session(connection).scalars(select(CheckpointRow).where(*of_source)).first()


def write(
    connection: Connection,
    source: str,
    account_id: str | None,
    *,
    cursor: str | None,
    full_pass_at: datetime | None,
    pass_state: str | None,
    now: datetime,
) -> None:
    """Replace the checkpoint; called in the transaction of what it vouches for, never on its own."""
    key = {"source": source, "account_id": account_id or ""}
    values = {"cursor": cursor, "full_pass_at": full_pass_at, "pass_state": pass_state, "updated_at": now}
    upsert(connection, CheckpointRow, key, values)


def advance(connection: Connection, source: str, account_id: str | None, *, pass_state: str, now: datetime) -> None:
    """Note how far an unfinished pass has come; the cursor stays. Called as `write` is."""
    key = {"source": source, "account_id": account_id or ""}
    upsert(connection, CheckpointRow, key, {"pass_state": pass_state, "updated_at": now})
