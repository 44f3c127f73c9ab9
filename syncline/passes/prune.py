"""Pruning: the end of a full pass. What it did not see is deleted, unless that looks wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Connection, select
from sqlalchemy import func as sql

from syncline.model.items import table_of
from syncline.model.page import Key
from syncline.model.policies import Mode
from syncline.model.records import CheckpointRow
from syncline.model.session import Tally
from syncline.model.source import Source
from syncline.passes.batch import dumped_doubles
from syncline.passes.state import PassState, later, loaded
from syncline.store import checkpoints, rejects, sessions
from syncline.store.engine import Store
from syncline.store.item_rows import ItemRows
from syncline.store.items import rows_of
from syncline.store.pass_keys import PassKeys

__all__ = ["Pruned", "Refusal", "loaded_refusal", "prune"]

_AT_ONCE = 10_000
_SAMPLE = 100
"""So many of the refused keys are remembered; where one of them comes back, the refusal begins anew."""


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What the end of a pass did: the rows deleted, or why none were."""

    tally: Tally
    refused: str | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Deletions that full passes in a row refused to make; kept in `checkpoints.refusal`.

    Attributes:
        passes: how many passes refused them.
        sample: some of the keys that the first of them found gone, as text.
        gone: how many the first of them found gone; None if an older version wrote this.
    """

    passes: int
    sample: tuple[str, ...]
    gone: int | None = None


def loaded_refusal(text: str | None) -> Refusal | None:
    """What `checkpoints.refusal` holds; None if nothing was refused."""
    return None if text is None else msgspec.json.decode(text, type=Refusal)


def prune(
    store: Store, source: Source, session_id: str, *, account_id: str | None = None, force: bool = False
) -> Pruned:
    """End a full pass: delete the rows that it did not see, move the cursor, forget the pass; all or nothing.

    Nothing is deleted, whatever `force` says, where the pass has no proved end. Nor is anything where it met items
    whose key it could not read, or where more than `deletes.max_fraction` of the rows (and more than `deletes.floor`)
    would go and not yet `deletes.agreeing_passes` have found them gone; there, `force` deletes all the same. Where the
    source deletes never, nothing is. An incremental pass, which cannot tell, is left alone.

    Raises:
        SessionLostError: the session was closed or taken over; nothing was deleted.
    """
    return store.transact(lambda connection: _pruned(connection, store, source, session_id, account_id, force=force))


def _pruned(
    connection: Connection, store: Store, source: Source, session_id: str, account_id: str | None, *, force: bool
) -> Pruned:
    """As `prune`, in this transaction."""
    row = checkpoints.read(connection, source.name, account_id)
    state = None if row is None else loaded(row.pass_state)
    if row is None or state is None or not state.finished or state.mode is not Mode.FULL:
        return Pruned(tally=Tally())
    rows, seen = rows_of(store, source, account_id), PassKeys(source.name, account_id)
    gone: Sequence[Key] = ()
    if not source.required_dataset.deletes.never and state.is_proved:
        gone = seen.unseen(connection, rows, contiguous_up_to=state.contiguous_up_to, ordered=state.ordered)
    stored = rows.count(connection) if gone else 0
    refusal = _refusal_after(source, row, gone, stored) if _is_much(source, len(gone), stored) else None
    refused = _objection(source, state, len(gone), stored, refusal, force=force)
    chunks: list[Sequence[Key]] = [] if refused else [gone[i : i + _AT_ONCE] for i in range(0, len(gone), _AT_ONCE)]
    tally = Tally(deleted=sum(rows.delete(connection, chunk) for chunk in chunks))
    sessions.advance(connection, session_id, tally)
    if refused:
        sessions.note_reason(connection, session_id, refused)
    seen.clear(connection)
    if not refused:
        rejects.forget_before(connection, source.name, account_id, state.started_at)
    newest = state.next_cursor() or _newest_stored(connection, source, rows, state, row.cursor)
    checkpoints.write(
        connection,
        source.name,
        account_id,
        cursor=later(row.cursor, newest),
        full_pass_at=row.full_pass_at if refused else state.started_at,
        pass_state=None,
        now=store.clock.now(),
        read_to=state.read_to,
        also=_also(row, state, refusal if refused else None),
    )
    return Pruned(tally=tally, refused=refused)


def _also(row: CheckpointRow, state: PassState, refusal: Refusal | None) -> dict[str, str | None]:
    """What else the checkpoint remembers; nothing of a pass without a proved end."""
    if not state.is_proved:
        return {"refusal": row.refusal}
    kept = None if refusal is None else msgspec.json.encode(refusal).decode()
    return {"doubles": dumped_doubles(state.doubles), "refusal": kept}


def _is_much(source: Source, gone: int, stored: int) -> bool:
    """Whether more rows would go than may go at once."""
    return gone > source.required_dataset.deletes.floor and gone > source.required_dataset.deletes.max_fraction * stored


def _refusal_after(source: Source, row: CheckpointRow, gone: Sequence[Key], stored: int) -> Refusal:
    """The refusal after one more pass; the first one if rows came back, or many more are gone now."""
    before = loaded_refusal(row.refusal)
    texts = {str(key) for key in gone}
    if before is not None and before.gone is not None and texts.issuperset(before.sample):
        grew_much = _is_much(source, len(gone) - before.gone, stored)
        if not grew_much:
            return Refusal(passes=before.passes + 1, sample=before.sample, gone=before.gone)
    ordered = sorted(texts)
    sample = tuple(ordered[:: max(1, len(ordered) // _SAMPLE)][:_SAMPLE])
    return Refusal(passes=1, sample=sample, gone=len(ordered))


def _objection(
    source: Source, state: PassState, gone: int, stored: int, refusal: Refusal | None, *, force: bool
) -> str | None:
    """Why nothing may be deleted; None if it may."""
    if not state.is_proved and state.ending is not None:
        return f"the end of the list is not proved, so nothing was deleted: {state.ending.reason}"
    if force or not gone:
        return None
    if state.unreadable:
        return f"{gone} rows were not deleted: the pass met {state.unreadable} items whose key it could not read"
    agreeing = source.required_dataset.deletes.agreeing_passes
    if refusal is None or (agreeing is not None and refusal.passes >= agreeing):
        return None
    later = "" if agreeing is None else f"; pass {refusal.passes} of {agreeing} that agree, after which they go"
    return (
        f"{gone} of {stored} rows were not deleted: that is more than the part of "
        f"{source.required_dataset.deletes.max_fraction:.0%} that may go at once; if it is right, run "
        f"`syncline sync {source.name} --mode full --force`{later}"
    )


def _newest_stored(
    connection: Connection, source: Source, rows: ItemRows, state: PassState, cursor: str | None
) -> datetime | None:
    """The newest stored change, if no item was decoded because all were known and there is no cursor yet."""
    if (
        cursor is not None
        or source.required_dataset.updated_field is None
        or state.is_mostly_rejected
        or not state.is_proved
    ):
        return None
    columns = table_of(source.required_dataset.table).c
    mine = [columns[name] == value for name, value in rows.partition.items()]
    newest = connection.execute(select(sql.max(columns[source.required_dataset.updated_field])).where(*mine)).scalar()
    return None if newest is None else state.at_most_start(newest)
