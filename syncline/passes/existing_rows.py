"""What is known of a batch's items before it is written: the stored rows, and which items the pass saw before.

In the second walk over a list whose keys rise, after a first that covered it, only what the first missed is noted:
noting each key would write as many rows as the table has. What the first walk saw is what is stored in the range that
it covered and was not found missing there; so the second notes the keys that were missing, and those after the range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from sqlalchemy import Connection

from syncline.model.page import Key, RawItem
from syncline.model.policies import Mode
from syncline.passes.batch import Batch
from syncline.passes.codec import ItemCodec
from syncline.passes.state import PassState
from syncline.store.item_rows import ItemRows, Known
from syncline.store.pass_keys import PassKeys, covers

__all__ = ["ExistingRows", "RowReader"]

_RANGE_SLACK = 2_000
"""How many more rows than a batch has items a range may hold before keys are looked up one by one."""
_MOST_MISSING = 20_000
"""So many missing keys are read for each batch; if there are more, each key of the walk is noted instead."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExistingRows:
    """What was known of a batch before it was written.

    Attributes:
        known: the fingerprints of stored rows.
        seen: the items that this pass saw before, with the newest walk that did.
        rewritten: those of them whose row it wrote.
        ordered: whether the first walk covered the range up to the batch's last key.
        again_ordered: whether the second walk did.
        mode: whether the pass reads all items or those that changed.
        rivals: items with the key of another one.
        unfit: the keys of items that the database refuses, with its reasons.
    """

    known: Known
    seen: Mapping[Key, int] = field(default_factory=dict["Key", int])
    rewritten: AbstractSet[Key] = frozenset()
    ordered: bool
    again_ordered: bool = False
    mode: Mode
    rivals: Sequence[tuple[Key, RawItem]] = ()
    unfit: Mapping[Key, str] = field(default_factory=dict["Key", str])


@dataclass(frozen=True, kw_only=True)
class RowReader:
    """Reads what is known of a batch's items, and notes in `seen` what the pass has seen with it."""

    codec: ItemCodec
    rows: ItemRows
    seen: PassKeys

    def read(self, connection: Connection, state: PassState, batch: Batch) -> ExistingRows:
        """By range where the keys rise, else key by key."""
        found = None
        if batch.ordered and batch.items:
            found = self._in_first_walk(connection, state, batch)
        if found is None and batch.again_ordered and batch.items:
            found = self._in_second_walk(connection, state, batch)
        return found or self._by_key(connection, state, batch)

    def _in_first_walk(self, connection: Connection, state: PassState, batch: Batch) -> ExistingRows | None:
        """None if the range holds too many rows."""
        known = self._between(connection, state.contiguous_up_to, batch)
        if known is None:
            return None
        self.seen.add_missing(connection, [key for key in known if key not in batch.items])
        return ExistingRows(known=known, ordered=True, mode=state.mode)

    def _in_second_walk(self, connection: Connection, state: PassState, batch: Batch) -> ExistingRows | None:
        """None if the range holds too many rows, or the first walk missed too many."""
        known = self._between(connection, state.again_to, batch)
        missing = self.seen.missing(connection, limit=_MOST_MISSING)
        if known is None or missing is None:
            return None
        late = [
            key for key in batch.items if not covers(state.contiguous_up_to, key) or (missing and str(key) in missing)
        ]
        before: dict[Key, int] = dict.fromkeys(known.keys() & batch.items.keys(), 1)
        for key in late:
            before.pop(key, None)
        others = [key for key in batch.items if key not in before]
        if others:
            before |= self.seen.seen_among(connection, others, contiguous_up_to=state.contiguous_up_to, stored=known)
        fingerprint = self.codec.raw_fingerprint
        changed = [key for key in before if key in known and known[key][0] != fingerprint(batch.items[key])]
        rewritten = self.rows.written_since(connection, changed, state.started_at) if changed else set["Key"]()
        self.seen.add_seen(connection, late, walk=state.walk)
        return ExistingRows(
            known=known, seen=before, rewritten=rewritten, ordered=False, again_ordered=True, mode=state.mode
        )

    def _by_key(self, connection: Connection, state: PassState, batch: Batch) -> ExistingRows:
        keys = batch.keys
        known = self.rows.known_of(connection, keys)
        seen = self.seen.seen_among(connection, keys, contiguous_up_to=state.contiguous_up_to, stored=known)
        if state.walk > 1:
            seen |= {key: state.walk for key in seen if covers(state.again_to, key)}
        rewritten = self.rows.written_since(connection, list(seen), state.started_at) if seen else set["Key"]()
        self.seen.add_seen(connection, keys, walk=state.walk)
        return ExistingRows(
            known=known, seen=seen, rewritten=rewritten, ordered=batch.ordered and not keys, mode=state.mode
        )

    def _between(self, connection: Connection, after: Key | None, batch: Batch) -> Known | None:
        """The rows after `after` up to the batch's last key; None if there are too many."""
        limit = 2 * len(batch.items) + _RANGE_SLACK
        return self.rows.known_between(connection, after, next(reversed(batch.items)), limit)
