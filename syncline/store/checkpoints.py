"""Checkpoints: up to where a source is in step, and where an unfinished pass goes on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, select, update
from sqlmodel import Session, col

from syncline.model.records import CheckpointRow
from syncline.store.upserts import upsert

__all__ = ["advance", "forget", "forget_pass", "read", "write"]


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
    read_to: datetime | None = None,
    also: Mapping[str, str | None] | None = None,
) -> None:
    """Replace the checkpoint; called in the transaction of what it vouches for, never on its own.

    `read_to` is when the pass began that ends with it; None leaves what was known before. `also` are further columns
    (`doubles`, `refusal`), which else stay as they are.
    """
    key = {"source": source, "account_id": account_id or ""}
    values: dict[str, object] = {"cursor": cursor, "full_pass_at": full_pass_at}
    values |= also or {}
    values |= {"pass_state": pass_state, "updated_at": now} | ({} if read_to is None else {"read_to": read_to})
    upsert(connection, CheckpointRow, key, values)


def advance(connection: Connection, source: str, account_id: str | None, *, pass_state: str, now: datetime) -> None:
    """Note how far an unfinished pass has come; the cursor stays. Called as `write` is."""
    key = {"source": source, "account_id": account_id or ""}
    upsert(connection, CheckpointRow, key, {"pass_state": pass_state, "updated_at": now})


def forget_pass(connection: Connection, source: str, account_id: str | None) -> None:
    """Give up an unfinished pass, where there is one: the next one begins anew."""
    of_source = col(CheckpointRow.source) == source, col(CheckpointRow.account_id) == (account_id or "")
    connection.execute(update(CheckpointRow).where(*of_source).values(pass_state=None))


def forget(connection: Connection, source: str, account_id: str | None) -> bool:
    """Delete the checkpoint: the next pass reads everything; whether there was one."""
    of_source = col(CheckpointRow.source) == source, col(CheckpointRow.account_id) == (account_id or "")
    return connection.execute(delete(CheckpointRow).where(*of_source)).rowcount > 0
