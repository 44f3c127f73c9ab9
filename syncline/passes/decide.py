"""What a batch of items means for the table: decided purely, applied by `syncline.passes.commit` in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from syncline.model.page import Key, RawItem
from syncline.model.session import Tally
from syncline.passes.codec import ItemCodec, Rejected
from syncline.store.item_rows import ItemRow, Known

__all__ = ["Changes", "counted", "decide", "rises", "settle"]

_NONE_REFUSED: Mapping[Any, str] = MappingProxyType({})


@dataclass(kw_only=True)
class Changes:
    """What is to be written for a batch.

    Attributes:
        new: rows that are not there yet.
        changed: rows of which a stored column differs.
        respelt: rows that only look different on the wire, with their new raw fingerprint.
        rejected: items that do not fit the table.
        newest: the newest change among the items that were decoded.
        is_local: whether that one came without an offset.
        tally: what is to be counted.
    """

    new: list[ItemRow] = field(default_factory=list[ItemRow])
    changed: list[ItemRow] = field(default_factory=list[ItemRow])
    respelt: list[tuple[Key, bytes]] = field(default_factory=list["tuple[Key, bytes]"])
    rejected: list[Rejected] = field(default_factory=list[Rejected])
    newest: datetime | None = None
    is_local: bool = False
    tally: Tally = field(default_factory=Tally)


def rises(keys: list[Any], after: Any) -> bool:  # noqa: ANN401 - keys of one table have one type
    """Whether `keys` come in strictly rising order, beginning above `after` (None: anywhere)."""
    if not keys:
        return True
    return (after is None or after < keys[0]) and all(low < high for low, high in pairwise(keys))


def decide(
    codec: ItemCodec,
    items: Mapping[Key, RawItem],
    known: Known,
    *,
    repeated: AbstractSet[Key] = frozenset(),
    rewritten: AbstractSet[Key] = frozenset(),
    updated_column: str | None = None,
    refused: Mapping[Key, str] = _NONE_REFUSED,
) -> Changes:
    """Tell new, changed and unchanged items apart, and those that do not fit.

    `repeated` are items that the pass counted before (they moved between pages); `rewritten` those of them whose row it
    wrote: they are counted as created or updated already. A repeated item that changed in between was counted as
    unchanged, and is counted as updated instead. `refused` are items whose row the database does not take, and why.
    """
    changes, newest, newest_raw = Changes(), None, b""
    column = None if updated_column is None else codec.columns.index(updated_column)
    for key, raw in items.items():
        fingerprint = codec.raw_fingerprint(raw)
        before = known.get(key)
        if before is not None and before[0] == fingerprint:
            continue
        decoded = codec.decode(key, raw) if key not in refused else Rejected(key, refused[key], bytes(raw))
        if isinstance(decoded, Rejected):
            changes.rejected.append(decoded)
            continue
        values, own = decoded
        instant = None if column is None else values[column]
        if instant is not None and (newest is None or instant > newest):
            newest, newest_raw = instant, bytes(raw)
        row = ItemRow(key, values, (fingerprint, own))
        if before is None:
            changes.new.append(row)
        elif before[1] == own:
            changes.respelt.append((key, fingerprint))
        else:
            changes.changed.append(row)
    changes.newest = newest
    if newest is not None and column is not None:
        changes.is_local = codec.is_local(newest_raw, column)
    changes.tally = counted(changes, len(items), repeated, rewritten)
    return changes


def settle(
    codec: ItemCodec,
    rivals: Sequence[tuple[Key, RawItem]],
    known: Known,
    stored: Mapping[Key, datetime],
    *,
    updated_column: str | None,
) -> tuple[dict[Key, RawItem], list[Rejected]]:
    """Sort items whose key came before in the walk into those that are newer than their row, and those to refuse.

    `stored` are the instants at which the rows were changed, if that is known. What only looks different on the wire
    is neither.
    """
    newer: dict[Key, RawItem] = {}
    refused: list[Rejected] = []
    column = None if updated_column is None else codec.columns.index(updated_column)
    for key, raw in rivals:
        decoded = codec.decode(key, raw)
        if isinstance(decoded, Rejected):
            refused.append(decoded)
            continue
        values, own = decoded
        instant = None if column is None else values[column]
        if key in known and known[key][1] == own:
            continue
        if instant is not None and key in stored and instant > stored[key]:
            newer[key] = raw
        else:
            refused.append(Rejected(key, f"another item of the list has the key {key}, and differs", bytes(raw)))
    return newer, refused


def counted(changes: Changes, items: int, repeated: AbstractSet[Key], rewritten: AbstractSet[Key]) -> Tally:
    """The batch's counters; each distinct item of the pass is processed once."""
    created = sum(row.key not in repeated for row in changes.new)
    updated_first = sum(row.key not in repeated for row in changes.changed)
    updated_again = sum(row.key in repeated and row.key not in rewritten for row in changes.changed)
    rejected = sum(item.key not in repeated for item in changes.rejected)
    processed = items - len(repeated)
    return Tally(
        processed=processed,
        created=created,
        updated=updated_first + updated_again,
        unchanged=processed - created - updated_first - rejected - updated_again,
        rejected=rejected,
    )
