"""Up to which block a chain was searched for moves, and at which block each account's holdings were read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlmodel import col

from syncline.model.items import table_of
from syncline.model.tables import CheckpointRow
from syncline.model.target import Target
from syncline.portfolios.blocks import BlockRef
from syncline.store import checkpoints

__all__ = ["SOURCE", "Progress", "forget_others", "note_read", "note_searched", "of_account", "of_accounts", "searched"]

SOURCE = "portfolios"
"""The source whose accounts are wallets."""
_CHAIN = "chain:"
"""How the part of a checkpoint begins that is a chain's."""
_CHUNK = 500
"""So many accounts are named in one statement."""


_COLUMNS = table_of(CheckpointRow).c
_READ = (
    _COLUMNS.source == SOURCE,
    _COLUMNS.part.startswith(_CHAIN),
    _COLUMNS.cursor.is_not(None),
    _COLUMNS.read_to.is_not(None),
)
_OF_ACCOUNT = select(_COLUMNS.part, _COLUMNS.cursor, _COLUMNS.read_to).where(
    *_READ, _COLUMNS.account_id == bindparam("of_account")
)
_ADVANCE = (
    update(CheckpointRow)
    .where(*Target.bound(CheckpointRow), _COLUMNS.part == bindparam("of_part"))
    .values(cursor=bindparam("to_cursor"), read_to=bindparam("to_read_to"), updated_at=bindparam("to_updated_at"))
)
"""Built once: building takes longer than executing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far something has come on a chain.

    Attributes:
        block: up to this block.
        as_of: when it was read.
    """

    block: BlockRef
    as_of: datetime


def of_accounts(connection: Connection, account_ids: Collection[str]) -> Mapping[str, Mapping[int, Progress]]:
    """At which block the holdings of each account were last read, by account and chain."""
    columns, wanted = _COLUMNS, sorted(account_ids)
    found: dict[str, dict[int, Progress]] = {}
    for at in range(0, len(wanted), _CHUNK):
        named = columns.account_id.in_(wanted[at : at + _CHUNK])
        statement = select(columns.account_id, columns.part, columns.cursor, columns.read_to).where(*_READ, named)
        for account_id, part, cursor, read_to in connection.execute(statement):
            found.setdefault(account_id, {})[int(part.removeprefix(_CHAIN))] = _progress(cursor, read_to)
    return found


def of_account(connection: Connection, account_id: str) -> Mapping[int, Progress]:
    """The same of one account, by chain."""
    rows = connection.execute(_OF_ACCOUNT, {"of_account": account_id})
    return {int(part.removeprefix(_CHAIN)): _progress(cursor, read_to) for part, cursor, read_to in rows}


def searched(connection: Connection, chain_id: int) -> BlockRef | None:
    """The block up to which a chain was searched for moves; None: never."""
    row = checkpoints.read(connection, Target(SOURCE), part=f"{_CHAIN}{chain_id}")
    return None if row is None or row.cursor is None else BlockRef.parse(row.cursor)


def note_searched(connection: Connection, chain_id: int, block: BlockRef, *, now: datetime) -> None:
    """Keep up to which block a chain was searched, in the transaction of what is done about the moves."""
    _note(connection, Target(SOURCE), chain_id, block, read_to=now, now=now)


def note_read(
    connection: Connection, account_id: str, chain_id: int, block: BlockRef, *, as_of: datetime, now: datetime
) -> None:
    """Keep at which block an account's holdings were read, in their transaction."""
    _note(connection, Target(SOURCE, account_id), chain_id, block, read_to=as_of, now=now)


def forget_others(connection: Connection, account_id: str, followed: Collection[int]) -> None:
    """Forget how far an account was read on chains that are no longer followed."""
    parts = [f"{_CHAIN}{chain_id}" for chain_id in sorted(followed)]
    is_chain = col(CheckpointRow.part).startswith(_CHAIN)
    statement = delete(CheckpointRow).where(*Target(SOURCE, account_id).among(CheckpointRow), is_chain)
    connection.execute(statement.where(col(CheckpointRow.part).not_in(parts)))


def _note(
    connection: Connection, target: Target, chain_id: int, block: BlockRef, *, read_to: datetime, now: datetime
) -> None:
    """Advance the checkpoint; the first time it is made."""
    part, cursor = f"{_CHAIN}{chain_id}", str(block)
    to = {"to_cursor": cursor, "to_read_to": read_to, "to_updated_at": now}
    if not connection.execute(_ADVANCE, {**target.bindings, "of_part": part, **to}).rowcount:
        checkpoints.write(
            connection, target, cursor=cursor, full_pass_at=None, pass_state=None, now=now, read_to=read_to, part=part
        )


def _progress(cursor: str, read_to: datetime) -> Progress:
    return Progress(block=BlockRef.parse(cursor), as_of=read_to)
