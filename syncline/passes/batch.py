"""Pages as one set of items, each key once; and what becomes of a key that comes twice.

In a list that may shift, an item that comes again has moved: the later one counts, and the list is walked once more. In
the second walk, in a list that cannot shift, and for keys that are known to come twice, it is another item with the
same key: it is refused unless it is newer, by the source's `updated_field`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from syncline.model.page import Key, Page, RawItem
from syncline.passes.codec import ItemCodec, Rejected
from syncline.passes.decide import rises
from syncline.passes.state import MOST_DOUBLES, PassState
from syncline.store.item_rows import Known

__all__ = [
    "Batch",
    "batch_of",
    "doubles_after",
    "dumped_doubles",
    "merged_doubles",
    "stale_after",
    "take_rivals",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Pages as one set of items.

    Attributes:
        items: each key with its item, in the order in which they came.
        rivals: further items whose key is among `items`, where they are no later state of the same one.
        page_keys: the keys of each page.
        tombstones: keys that are said to be gone.
        unreadable: items whose key cannot be read.
        ordered: whether keys came in rising order, so far.
        again_ordered: the same for a second walk.
        twice: keys that came more than once.
    """

    items: dict[Key, RawItem]
    page_keys: list[list[Key]]
    tombstones: list[Key]
    unreadable: list[Rejected]
    ordered: bool
    again_ordered: bool = False
    rivals: list[tuple[Key, RawItem]] = field(default_factory=list["tuple[Key, RawItem]"])
    twice: set[Key] = field(default_factory=set["Key"])

    @property
    def keys(self) -> list[Key]:
        """The keys, each once."""
        return list(self.items)


def batch_of(codec: ItemCodec, state: PassState, pages: Sequence[Page], *, shifting: bool) -> Batch:
    """The batch of `pages`, which follow those of `state`."""
    keyed: list[tuple[Key, RawItem]] = []
    unreadable: list[Rejected] = []
    page_keys: list[list[Key]] = []
    gone: dict[Key, None] = {}
    for page in pages:
        good, bad = codec.keys(page.rows)
        keyed += good
        unreadable += bad
        page_keys.append([key for key, _ in good])
        if gone:  # what comes after its tombstone is there again
            gone = {key: None for key in gone if key not in set(page_keys[-1])}
        gone.update(dict.fromkeys(page.tombstones))
    keys = [key for key, _ in keyed]
    items = dict(keyed)
    batch = Batch(
        items=items,
        page_keys=page_keys,
        tombstones=list(gone),
        unreadable=unreadable if state.walk == 1 else [],
        ordered=state.ordered and rises(keys, state.contiguous_up_to),
        again_ordered=state.walk > 1 and state.again_ordered and rises(keys, state.again_to),
    )
    if len(items) < len(keys):
        _sort_doubles(batch, keyed, state, shifting=shifting)
    return batch


def _sort_doubles(batch: Batch, keyed: list[tuple[Key, RawItem]], state: PassState, *, shifting: bool) -> None:
    """Keep the first item of a key that may not come twice, and name the others its rivals."""
    first: dict[Key, RawItem] = {}
    for key, raw in keyed:
        if key not in first:
            first[key] = raw
            continue
        batch.twice.add(key)
        if state.refuses_double(key, shifting=shifting):
            batch.items[key] = first[key]
            if bytes(raw) != bytes(first[key]):
                batch.rivals.append((key, raw))


def take_rivals(
    batch: Batch, state: PassState, codec: ItemCodec, seen: Mapping[Key, int], known: Known, *, shifting: bool
) -> list[tuple[Key, RawItem]]:
    """Take items off the batch whose key came before in this walk; returns those that differ and are no later state.

    `seen` are the keys that the pass saw before, with the newest walk that did; `known` the fingerprints of rows.
    """
    rivals = list(batch.rivals)
    for key in [key for key, walk in seen.items() if walk == state.walk and key in known]:
        if state.refuses_double(key, shifting=shifting):
            raw = batch.items.pop(key)
            if known[key][0] != codec.raw_fingerprint(raw):
                rivals.append((key, raw))
    return rivals


def doubles_after(state: PassState, twice: Collection[Key]) -> tuple[str, ...]:
    """The keys that came more than once in this walk; at most one more than are remembered, which means too many."""
    if not twice:
        return state.doubles
    return tuple(sorted({*state.doubles, *map(str, twice)}))[: MOST_DOUBLES + 1]


def merged_doubles(known: str | None, state: PassState) -> str | None:
    """The keys that are known to come twice, after an incremental pass, which sees but some of them."""
    before = set[str]() if known is None else set(msgspec.json.decode(known, type=list[str]))
    return dumped_doubles(sorted(before.union(state.doubles)))


def dumped_doubles(keys: Sequence[str]) -> str | None:
    """Keys that come twice, as the checkpoint keeps them; None if there are too many to keep."""
    return msgspec.json.encode(list(keys)).decode() if 0 < len(keys) <= MOST_DOUBLES else None


def stale_after(state: PassState, batch: Batch, seen_in_walk: Collection[Key]) -> int:
    """How many pages in a row brought no key that is new to this walk, the newest included."""
    if not seen_in_walk and not batch.twice:
        return 0 if batch.items else state.stale_pages
    stale, seen = state.stale_pages, set(seen_in_walk)
    for keys in batch.page_keys:
        if keys:
            stale = stale + 1 if seen.issuperset(keys) else 0
            seen.update(keys)
    return stale
