"""The commit of pages: rows, tombstones, what the pass has seen, checkpoint and counters, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from syncline.model.policies import Mode
from syncline.model.session import Tally
from syncline.passes.codec import Rejected, codec_of
from syncline.passes.decide import Changes, decide, rises
from syncline.passes.state import PassState, dumped, later, walked
from syncline.store import checkpoints, heartbeats, holds, rejects, sessions
from syncline.store.items import rows_of
from syncline.store.pass_keys import PassKeys

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from syncline.model.page import Key, Page, RawItem
    from syncline.model.records import Hold
    from syncline.model.source import Source
    from syncline.store.engine import Store
    from syncline.store.item_rows import Known

__all__ = ["Committed", "PageWriter"]

_RANGE_SLACK = 2_000
"""How many more rows than a batch has items a range may hold before keys are looked up one by one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Committed:
    """What a commit left behind: the pass's state, what was counted, and a hold that now stands in the way."""

    state: PassState
    tally: Tally
    hold: Hold | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Batch:
    """Pages as one set of items, each key once."""

    items: dict[Key, RawItem]
    tombstones: list[Key]
    unreadable: list[Rejected]
    ordered: bool
    doubled: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sight:
    """What was known of a batch before it was written.

    `known` are the fingerprints of stored rows, `repeated` the items that this pass saw before, `rewritten` those of
    them whose row it wrote; `ordered` says that the range up to the batch's last key is covered.
    """

    known: Known
    repeated: AbstractSet[Key] = frozenset()
    rewritten: AbstractSet[Key] = frozenset()
    ordered: bool


class PageWriter:
    """Stores the pages of one session, a batch of them in one transaction."""

    def __init__(self, store: Store, source: Source, *, account_id: str | None, session_id: str) -> None:
        """Write for `session_id`; the source's lease is held by it."""
        self._store = store
        self._source = source
        self._account = account_id
        self._session = session_id
        self._codec = codec_of(source.table, source.fields)
        self._rows = rows_of(store, source, account_id)
        self._seen = PassKeys(source.name, account_id)
        self._pulse = heartbeats.Pulse(store, source.name)

    def commit(self, state: PassState, pages: Sequence[Page]) -> Committed:
        """Store `pages`, which follow those of `state`, all or nothing.

        Raises:
            SessionLostError: the session was closed or taken over; nothing was written.
        """
        now = self._store.clock.now()
        batch = self._batch(state, pages)
        with self._store.write() as connection:
            sight, changes = self._write(connection, state, batch, now)
            tally = changes.tally + Tally(
                pages=len(pages),
                requests=sum(page.requests for page in pages),
                processed=len(batch.unreadable),
                rejected=len(batch.unreadable),
                deleted=self._rows.delete(connection, batch.tombstones),
            )
            state = walked(self._source, self._advanced(state, pages, batch, sight, changes))
            self._record(connection, state, tally, now)
            hold = holds.active(connection, self._source.name, account_id=self._account, now=now)
        self._pulse.beat(page=state.pages, last=state.finished)
        return Committed(state=state, tally=tally, hold=hold)

    def _batch(self, state: PassState, pages: Sequence[Page]) -> _Batch:
        keyed: list[tuple[Key, RawItem]] = []
        unreadable: list[Rejected] = []
        gone: dict[Key, None] = {}
        for page in pages:
            good, bad = self._codec.keys(page.rows)
            keyed += good
            unreadable += bad
            if gone:  # what comes after its tombstone is there again
                back = {key for key, _ in good}
                gone = {key: None for key in gone if key not in back}
            gone.update(dict.fromkeys(page.tombstones))
        keys = [key for key, _ in keyed]
        return _Batch(
            items=dict(keyed),
            tombstones=list(gone),
            unreadable=unreadable if state.walk == 1 else [],
            ordered=state.ordered and rises(keys, state.covered_to),
            doubled=len(set(keys)) < len(keys),
        )

    def _write(self, connection: Connection, state: PassState, batch: _Batch, now: datetime) -> tuple[_Sight, Changes]:
        """Write what the batch changes; returns what was there before and what was done."""
        sight = self._sight(connection, state, batch)
        changes = decide(
            self._codec,
            batch.items,
            sight.known,
            repeated=sight.repeated,
            rewritten=sight.rewritten,
            updated_column=self._source.updated_field,
        )
        self._rows.insert(connection, changes.new, now)
        self._rows.replace(connection, changes.changed, now)
        self._rows.touch(connection, changes.touched)
        self._seen.add_seen(connection, [item.key for item in changes.rejected if item.key is not None])
        once = [item for item in changes.rejected if item.key not in sight.repeated]
        refused = [(item.key, item.reason, item.raw) for item in (*once, *batch.unreadable)]
        rejects.add(connection, self._session, self._source.name, refused, now=now)
        return sight, changes

    def _sight(self, connection: Connection, state: PassState, batch: _Batch) -> _Sight:
        """Read what is known of the batch's items, and write down what the pass now has seen."""
        if batch.ordered and batch.items:
            limit = 2 * len(batch.items) + _RANGE_SLACK
            known = self._rows.known_between(connection, state.covered_to, next(reversed(batch.items)), limit)
            if known is not None:
                missing = [key for key in known if key not in batch.items]
                self._seen.add_missing(connection, missing)
                return _Sight(known=known, ordered=True)
        keys = list(batch.items)
        known = self._rows.known_of(connection, keys)
        repeated = self._seen.seen_among(connection, keys, covered_to=state.covered_to, stored=known)
        rewritten = self._rows.written_since(connection, list(repeated), state.started_at) if repeated else repeated
        self._seen.add_seen(connection, keys)
        return _Sight(known=known, repeated=repeated, rewritten=rewritten, ordered=batch.ordered and not keys)

    def _advanced(
        self, state: PassState, pages: Sequence[Page], batch: _Batch, sight: _Sight, changes: Changes
    ) -> PassState:
        """The state after the batch."""
        first, last = pages[0], pages[-1]
        totals = [page.total for page in pages if page.rows and page.total is not None]  # past the end some say 0
        ordered = state.ordered and sight.ordered
        return msgspec.structs.replace(
            state,
            resume=last.resume,
            pages=state.pages + len(pages),
            items=state.items + changes.tally.processed + len(batch.unreadable),
            page_size=last.page_size or state.page_size or len(first.rows),
            total=totals[-1] if totals else state.total,
            covered_to=next(reversed(batch.items), state.covered_to) if ordered else state.covered_to,
            ordered=ordered,
            moved=state.moved or _saw_movement(state, pages, batch, sight) or len({state.total, *totals} - {None}) > 1,
            unreadable=state.unreadable + len(batch.unreadable),
            rejected=state.rejected + changes.tally.rejected + len(batch.unreadable),
            newest=max(filter(None, (state.newest, changes.newest)), default=None),
            upstream_at=state.upstream_at if state.pages else first.answered_at,
        )

    def _record(self, connection: Connection, state: PassState, tally: Tally, now: datetime) -> None:
        """Write counters and checkpoint beside the rows."""
        left = None if state.total_pages is None else state.total_pages - state.pages
        sessions.advance(connection, self._session, tally, pages_left=left)
        if state.finished and state.mode is Mode.INCREMENTAL:
            self._end_pass(connection, state, now)
        else:
            checkpoints.advance(connection, self._source.name, self._account, pass_state=dumped(state), now=now)

    def _end_pass(self, connection: Connection, state: PassState, now: datetime) -> None:
        """Move the cursor on; a full pass is ended by its deletions."""
        before = checkpoints.read(connection, self._source.name, self._account)
        self._seen.clear(connection)
        checkpoints.write(
            connection,
            self._source.name,
            self._account,
            cursor=later(None if before is None else before.cursor, state.next_cursor()),
            full_pass_at=None if before is None else before.full_pass_at,
            pass_state=None,
            now=now,
            read_to=state.started_at,
        )


def _saw_movement(state: PassState, pages: Sequence[Page], batch: _Batch, sight: _Sight) -> bool:
    """Whether items came twice, or the connector noticed that they moved; the second walk sees everything twice."""
    twice = state.walk == 1 and (batch.doubled or bool(sight.repeated))
    return twice or any(page.moved for page in pages)
