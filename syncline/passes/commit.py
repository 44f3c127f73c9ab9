"""The commit of pages: rows, tombstones, what the pass has seen, checkpoint and counters, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from syncline.errors import RowsRefusedError, SameKeyError
from syncline.model.page import Key, Page
from syncline.model.policies import Mode, SameKey
from syncline.model.records import Hold
from syncline.model.session import Tally
from syncline.model.source import Source
from syncline.passes.batch import Batch, batch_of, doubles_after, merged_doubles, stale_after, take_rivals
from syncline.passes.codec import codec_of
from syncline.passes.columns_watch import ColumnsWatch
from syncline.passes.decide import Changes, counted, decide, settle
from syncline.passes.existing_rows import ExistingRows, RowReader
from syncline.passes.state import MOST_DOUBLES, PassState, at_end, dumped, ending_of, later, told_by
from syncline.store import checkpoints, heartbeats, holds, refusals, sessions
from syncline.store.engine import Store
from syncline.store.items import rows_of
from syncline.store.pass_keys import PassKeys
from syncline.store.rejects import SourceRejects

__all__ = ["Committed", "PageWriter"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Committed:
    """What a commit left behind: the pass's state, what was counted, and a hold that is now in force."""

    state: PassState
    tally: Tally
    hold: Hold | None


class PageWriter:
    """Stores the pages of one session, a batch of them in one transaction."""

    def __init__(
        self, store: Store, source: Source, *, account_id: str | None, session_id: str, force: bool = False
    ) -> None:
        """Write for `session_id`, which holds the source's lease; `force` says that columns may be emptied."""
        self._store = store
        self._source = source
        self._account = account_id
        self._session = session_id
        self._codec = codec_of(
            source.required_dataset.table, source.required_dataset.fields, source.required_dataset.time_zone
        )
        self._rows = rows_of(store, source, account_id)
        self._seen = PassKeys(source.name, account_id)
        self._reader = RowReader(codec=self._codec, rows=self._rows, seen=self._seen)
        may_lose = force or source.required_dataset.deletes.never  # a source that never deletes has no run with `force`
        self._watch = None if may_lose else ColumnsWatch(source=source, codec=self._codec, rows=self._rows)
        self._rejects = SourceRejects(
            source=source.name, account_id=account_id, session_id=session_id, keep=source.required_dataset.keep_rejects
        )
        self._pulse = heartbeats.Pulse(store, source.name)

    def commit(self, state: PassState, pages: Sequence[Page]) -> Committed:
        """Store `pages`, which follow those of `state`, all or nothing; a row that the database refuses is a reject.

        Raises:
            SessionLostError: the session was closed or taken over; nothing was written.
            SameKeyError: two different items have one key, and the source's policy is to fail.
        """
        refused: dict[Key, str] = {}
        kept = frozenset[str]() if self._watch is None else frozenset(self._watch.kept)
        while True:
            try:
                return self._commit(state, pages, refused, kept)
            except RowsRefusedError as error:
                refused |= refusals.refused_rows(self._store, error, self._store.clock.now())

    def _commit(
        self, state: PassState, pages: Sequence[Page], refused: Mapping[Key, str], kept: AbstractSet[str]
    ) -> Committed:
        def work(connection: Connection) -> Committed:
            if self._watch is not None:
                self._watch.begin(kept)
            return self._store_pages(connection, state, pages, refused)

        committed = self._store.transact(work)
        self._pulse.beat(page=committed.state.pages, last=committed.state.finished)
        return committed

    def _store_pages(
        self, connection: Connection, state: PassState, pages: Sequence[Page], refused: Mapping[Key, str]
    ) -> Committed:
        """All that belongs to the pages, in this transaction."""
        now, shifting = self._store.clock.now(), self._source.required_dataset.pages.shifting
        batch = batch_of(self._codec, state, pages, shifting=shifting)
        existing = self._reader.read(connection, state, batch)
        rivals = take_rivals(batch, state, self._codec, existing.seen, existing.known, shifting=shifting)
        existing = replace(existing, rivals=rivals, unfit=refused)
        changes = self._write(connection, batch, existing, now)
        seen = [item.key for item in changes.rejected if item.key is not None]
        self._seen.add_seen(connection, seen, walk=state.walk)
        tally = changes.tally + Tally(
            pages=len(pages),
            requests=sum(page.requests for page in pages),
            processed=len(batch.unreadable),
            rejected=len(batch.unreadable),
            deleted=self._rows.delete(connection, batch.tombstones),
        )
        state = self._advanced(state, pages, batch, existing, changes)
        if rivals:
            state, more = self._settle(connection, state, existing, now)
            tally += more
        state = at_end(state, shifting=shifting, misses_rows=lambda: self._misses_rows(connection, state))
        self._record(connection, state, tally, now)
        hold = holds.active(connection, self._source.name, account_id=self._account, now=now)
        return Committed(state=state, tally=tally, hold=hold)

    def _settle(
        self, connection: Connection, state: PassState, existing: ExistingRows, now: datetime
    ) -> tuple[PassState, Tally]:
        """Store of the rivals what is newer than its row, and refuse the others."""
        keys = list(dict.fromkeys(key for key, _ in existing.rivals))
        known, column = self._rows.known_of(connection, keys), self._source.required_dataset.updated_field
        stored = {} if column is None else self._rows.instants_of(connection, keys, column)
        newer, refused = settle(self._codec, existing.rivals, known, stored, updated_column=column)
        if refused and self._source.required_dataset.same_key is SameKey.FAIL:
            raise SameKeyError(self._source.name, str(refused[0].key))
        first = [item for item in refused if str(item.key) not in state.refused_doubles]
        self._rejects.forget(connection, newer)
        self._rejects.add(connection, [(item.key, item.reason, item.raw) for item in refused], now)
        written = self._rows.written_since(connection, keys, state.started_at)
        changes = decide(
            self._codec,
            newer,
            known,
            repeated=set(newer),
            rewritten=written,
            updated_column=column,
            refused=existing.unfit,
        )
        self._apply(connection, changes, now)
        names = tuple(sorted({*state.refused_doubles, *(str(item.key) for item in refused)}))[: MOST_DOUBLES + 1]
        state = msgspec.structs.replace(
            state,
            refused_doubles=names,
            items=state.items + len(first),
            rejected=state.rejected + len(first),
            newest=max(filter(None, (state.newest, changes.newest)), default=None),
        )
        return state, changes.tally + Tally(processed=len(first), rejected=len(first))

    def _write(self, connection: Connection, batch: Batch, existing: ExistingRows, now: datetime) -> Changes:
        """Write what the batch changes; returns what was done."""
        changes = decide(
            self._codec,
            batch.items,
            existing.known,
            repeated=existing.seen.keys() & batch.items.keys(),
            rewritten=existing.rewritten,
            updated_column=self._source.required_dataset.updated_field,
            refused=existing.unfit,
        )
        self._keep_columns(connection, batch, existing, changes)
        self._apply(connection, changes, now)
        self._keep_rejects(connection, batch, existing, changes, now)
        return changes

    def _keep_rejects(
        self, connection: Connection, batch: Batch, existing: ExistingRows, changes: Changes, now: datetime
    ) -> None:
        """Put on record what did not fit, and forget what has landed or is gone."""
        once = [item for item in changes.rejected if item.key not in existing.seen]
        unfit = [(item.key, item.reason, item.raw) for item in (*once, *batch.unreadable)]
        self._rejects.add(connection, unfit, now)
        kept = {item.key for item in changes.rejected} | {key for key, _ in existing.rivals}
        self._rejects.forget(connection, batch.items, but=kept)
        self._rejects.forget(connection, batch.tombstones)

    def _apply(self, connection: Connection, changes: Changes, now: datetime) -> None:
        refusals.write(self._rows.insert, connection, changes.new, now)
        refusals.write(self._rows.replace, connection, changes.changed, now)
        self._rows.update_fingerprints(connection, changes.respelt)

    def _keep_columns(self, connection: Connection, batch: Batch, existing: ExistingRows, changes: Changes) -> None:
        """Leave alone what would empty a whole column, unless that is forced."""
        if self._watch is None or not self._watch.keep(connection, changes, batch.items, existing.known, existing.mode):
            return
        changes.tally = counted(
            changes, len(batch.items), existing.seen.keys() & batch.items.keys(), existing.rewritten
        )

    def _misses_rows(self, connection: Connection, state: PassState) -> bool:
        """Whether rows would be deleted if the pass ended now."""
        if self._source.required_dataset.deletes.never:
            return False
        return self._seen.misses_rows(
            connection, self._rows, contiguous_up_to=state.contiguous_up_to, ordered=state.ordered
        )

    def _advanced(
        self, state: PassState, pages: Sequence[Page], batch: Batch, existing: ExistingRows, changes: Changes
    ) -> PassState:
        """The state after the batch."""
        first, last = pages[0], pages[-1]
        ordered = state.ordered and existing.ordered
        in_walk = [key for key, walk in existing.seen.items() if walk == state.walk]
        newest = max(filter(None, (state.newest, changes.newest)), default=None)
        state = msgspec.structs.replace(
            told_by(state, pages, shifting=self._source.required_dataset.pages.shifting),
            resume=last.resume,
            pages=state.pages + len(pages),
            walk_pages=state.walk_pages + len(pages),
            items=state.items + changes.tally.processed + len(batch.unreadable),
            page_size=last.page_size or state.page_size or len(first.rows),
            contiguous_up_to=next(reversed(batch.items), state.contiguous_up_to) if ordered else state.contiguous_up_to,
            ordered=ordered,
            again_to=next(reversed(batch.items), state.again_to) if existing.again_ordered else state.again_to,
            again_ordered=state.again_ordered and (existing.again_ordered or not batch.items),
            doubles=doubles_after(state, {*batch.twice, *in_walk}),
            stale_pages=stale_after(state, batch, in_walk),
            unreadable=state.unreadable + sum(item.key is None for item in batch.unreadable),
            rejected=state.rejected + changes.tally.rejected + len(batch.unreadable),
            newest=newest,
            is_local=changes.is_local if newest is changes.newest and newest is not None else state.is_local,
            upstream_at=state.upstream_at if state.pages else first.answered_at,
        )
        return state if last.resume is not None else msgspec.structs.replace(state, ending=ending_of(state, last))

    def _record(self, connection: Connection, state: PassState, tally: Tally, now: datetime) -> None:
        """Write counters and checkpoint beside the rows."""
        left = None if state.total_pages is None else state.total_pages - state.pages
        sessions.advance(connection, self._session, tally, pages_left=left)
        if self._watch is not None and (said := self._watch.news()) is not None:
            sessions.note_reason(connection, self._session, said)
        if state.finished and state.mode is Mode.INCREMENTAL:
            self._end_pass(connection, state, now)
        else:
            checkpoints.advance(connection, self._source.name, self._account, pass_state=dumped(state), now=now)

    def _end_pass(self, connection: Connection, state: PassState, now: datetime) -> None:
        """Move the cursor on, if nothing was missed; a full pass is ended by its deletions."""
        before = checkpoints.read(connection, self._source.name, self._account)
        self._seen.clear(connection)
        if not state.is_proved and state.ending is not None:
            sessions.note_reason(connection, self._session, f"not all that changed was read: {state.ending.reason}")
        checkpoints.write(
            connection,
            self._source.name,
            self._account,
            cursor=later(None if before is None else before.cursor, state.next_cursor()),
            full_pass_at=None if before is None else before.full_pass_at,
            pass_state=None,
            now=now,
            also={"doubles": merged_doubles(None if before is None else before.doubles, state)},
            read_to=state.read_to,
        )
