"""Checkpoints: up to where a target is up to date, and where an unfinished pass goes on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlmodel import Session, col

from syncline.model.tables import CheckpointRow
from syncline.model.target import Target
from syncline.store.upserts import upsert

__all__ = ["advance", "forget", "forget_pass", "read", "write"]


def read(connection: Connection, target: Target, *, part: str = "") -> CheckpointRow | None:
    """The checkpoint of a target, or of a `part` of it; None before its first pass."""
    return Session(connection).scalars(_READ, {**target.bindings, "of_part": part}).first()


def write(
    connection: Connection,
    target: Target,
    *,
    cursor: str | None,
    full_pass_at: datetime | None,
    pass_state: str | None,
    now: datetime,
    read_to: datetime | None = None,
    also: Mapping[str, str | None] | None = None,
    part: str = "",
) -> None:
    """Replace the checkpoint; called in the transaction of what it vouches for, never on its own.

    `read_to` is when the pass began that ends with it; None leaves what was known before. `also` are further columns
    (`doubles`, `refusal`), which else stay as they are.
    """
    key = {**target.key, "part": part}
    values: dict[str, object] = {"cursor": cursor, "full_pass_at": full_pass_at}
    values |= also or {}
    values |= {"pass_state": pass_state, "updated_at": now} | ({} if read_to is None else {"read_to": read_to})
    upsert(connection, CheckpointRow, key, values)


def advance(connection: Connection, target: Target, *, pass_state: str, now: datetime, part: str = "") -> None:
    """Note how far an unfinished pass has come; the cursor stays. Called as `write` is."""
    key = {**target.key, "part": part}
    upsert(connection, CheckpointRow, key, {"pass_state": pass_state, "updated_at": now})


def forget_pass(connection: Connection, target: Target) -> None:
    """Give up unfinished passes, of all parts: the next ones begin anew."""
    connection.execute(update(CheckpointRow).where(*target.among(CheckpointRow)).values(pass_state=None))


def forget(connection: Connection, target: Target) -> bool:
    """Delete the checkpoints, of all parts: the next pass reads everything; whether there was one."""
    return connection.execute(delete(CheckpointRow).where(*target.among(CheckpointRow))).rowcount > 0


_READ = select(CheckpointRow).where(*Target.bound(CheckpointRow), col(CheckpointRow.part) == bindparam("of_part"))
"""Built once: each page's transaction executes it."""
