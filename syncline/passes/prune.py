"""Pruning: the end of a full pass. What it did not see is deleted, unless that looks wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func as sql
from sqlalchemy import select

from syncline.model.items import table_of
from syncline.model.policies import Mode
from syncline.model.session import Tally
from syncline.passes.state import PassState, later, loaded
from syncline.store import checkpoints, sessions
from syncline.store.items import rows_of
from syncline.store.pass_keys import PassKeys

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from syncline.model.page import Key
    from syncline.model.source import Source
    from syncline.store.engine import Store
    from syncline.store.item_rows import ItemRows

__all__ = ["Pruned", "prune"]

_AT_ONCE = 10_000


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What the end of a pass did: the rows deleted, or why none were."""

    tally: Tally
    refused: str | None = None


def prune(
    store: Store, source: Source, session_id: str, *, account_id: str | None = None, force: bool = False
) -> Pruned:
    """End a full pass: delete the rows that it did not see, move the cursor, forget the pass; all or nothing.

    Nothing is deleted where the pass met items whose key it could not read, where the list moved during both walks, or
    where more than `deletes.max_fraction` of the rows would go; `force` deletes all the same. Nor is anything where
    the source deletes never. An incremental pass, which cannot tell, is left alone.

    Raises:
        SessionLostError: the session was closed or taken over; nothing was deleted.
    """
    with store.write() as connection:
        row = checkpoints.read(connection, source.name, account_id)
        state = None if row is None else loaded(row.pass_state)
        if row is None or state is None or not state.finished or state.mode is not Mode.FULL:
            return Pruned(tally=Tally())
        rows, seen = rows_of(store, source, account_id), PassKeys(source.name, account_id)
        gone: Sequence[Key] = ()
        if not source.deletes.never:
            gone = seen.unseen(connection, rows, covered_to=state.covered_to, ordered=state.ordered)
        refused = None if force else _objection(source, state, len(gone), rows.count(connection) if gone else 0)
        chunks: list[Sequence[Key]] = [] if refused else [gone[i : i + _AT_ONCE] for i in range(0, len(gone), _AT_ONCE)]
        tally = Tally(deleted=sum(rows.delete(connection, chunk) for chunk in chunks))
        sessions.advance(connection, session_id, tally)
        if refused:
            sessions.note_reason(connection, session_id, refused)
        seen.clear(connection)
        newest = state.next_cursor() or _newest_stored(connection, source, rows, state, row.cursor)
        checkpoints.write(
            connection,
            source.name,
            account_id,
            cursor=later(row.cursor, newest),
            full_pass_at=row.full_pass_at if refused else state.started_at,
            pass_state=None,
            now=store.clock.now(),
            read_to=state.started_at,
        )
    return Pruned(tally=tally, refused=refused)


def _objection(source: Source, state: PassState, gone: int, stored: int) -> str | None:
    """Why nothing may be deleted; None where it may."""
    if not gone:
        return None
    if state.unreadable:
        return f"{gone} rows were not deleted: the pass met {state.unreadable} items whose key it could not read"
    if state.unsure:
        return f"{gone} rows were not deleted: the list moved during both walks, and they may have been missed twice"
    if gone <= source.deletes.max_fraction * stored:
        return None
    return (
        f"{gone} of {stored} rows were not deleted: that is more than the part of "
        f"{source.deletes.max_fraction:.0%} that may go at once; if it is right, run "
        f"`syncline sync {source.name} --mode full --force`"
    )


def _newest_stored(
    connection: Connection, source: Source, rows: ItemRows, state: PassState, cursor: str | None
) -> datetime | None:
    """Where no item was decoded, because all were known, and there is no cursor yet: the newest that is stored."""
    if cursor is not None or source.updated_field is None or state.unsure:
        return None
    columns = table_of(source.table).c
    mine = [columns[name] == value for name, value in rows.partition.items()]
    newest = connection.execute(select(sql.max(columns[source.updated_field])).where(*mine)).scalar()
    return None if newest is None else state.at_most_start(newest)
