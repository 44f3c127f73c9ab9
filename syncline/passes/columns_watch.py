"""Columns that vanish: an upstream that no longer sends a field would empty its column, in silence and in every row.

One item without a title has lost it; a page of which no item has one, where nearly all had one, comes of a change at
the upstream, or of a permission that went. Then the stored values of that column stay, the session says so, and
an operator decides: a run with `force` takes the items as they are.

A row of which a value was kept has its fingerprint in place of the raw one: no item looks like that, so that it is
decoded again in each pass, until the field is back or the loss is accepted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Connection

from syncline.model.page import Key, RawItem
from syncline.model.policies import Mode
from syncline.model.source import Source
from syncline.passes.codec import ItemCodec
from syncline.passes.decide import Changes
from syncline.store import column_values
from syncline.store.item_rows import ItemRow, ItemRows, Known

__all__ = ["ColumnsWatch", "are_enough"]

_MANY = 20
"""So many changed rows that all lose a value are no coincidence."""
_WHOLE_PAGE = 5
"""So many are enough in a full pass if no item of the batch is as it was."""
_SAMPLE = 50
"""So many rows are looked up to see whether a column held anything."""


def _emptied(codec: ItemCodec, rows: Sequence[ItemRow]) -> list[int]:
    """The places of the columns that hold nothing, or their default, in all `rows`."""
    return [
        place
        for place, default in enumerate(codec.defaults)
        if place != codec.rest_place and all(row.values[place] is None or row.values[place] == default for row in rows)
    ]


def _are_lacking(codec: ItemCodec, rows: Sequence[ItemRow], items: Mapping[Key, RawItem], place: int) -> bool:
    """Whether the column holds nothing in all `rows`, or its default because the item lacks the field."""
    path = codec.paths[place]
    return all(row.values[place] is None or not _has(items[row.key], path) for row in rows)


def are_enough(mode: Mode, *, changed: int, same: int, again: bool) -> bool:
    """Whether so many `changed` rows, beside others that are the `same`, tell a column that vanishes from a few values.

    `again` says that values of this source are kept already.
    """
    return changed >= _MANY or again or (mode is Mode.FULL and not same and changed >= _WHOLE_PAGE)


def _has(raw: RawItem, path: Sequence[str]) -> bool:
    found: Any = msgspec.json.decode(raw)
    for key in path:
        if not isinstance(found, dict) or key not in found:
            return False
        found = found[key]  # pyright: ignore[reportUnknownVariableType] - whatever JSON holds
    return True


@dataclass(kw_only=True)
class ColumnsWatch:
    """Keeps the values of columns that vanish, for one session.

    Attributes:
        source: whose items these are.
        codec: its table's.
        rows: its table.
        kept: the columns of which values were kept, by name.
    """

    source: Source
    codec: ItemCodec
    rows: ItemRows
    kept: set[str] = field(default_factory=set[str])
    _news: list[str] = field(default_factory=list[str], init=False)

    def begin(self, kept: AbstractSet[str]) -> None:
        """Begin a try at a batch, before which the values of the columns `kept` were kept; forget an earlier try."""
        self.kept = set(kept)
        self._news = []

    def keep(
        self, connection: Connection, changes: Changes, items: Mapping[Key, RawItem], known: Known, mode: Mode
    ) -> bool:
        """Put stored values back into those rows of `changes` that lose a whole column; returns whether any do."""
        places = self._vanished(connection, changes, items, known, mode)
        if not places:
            return False
        keys = [row.key for row in changes.changed]
        names = [self.codec.columns[place] for place in places]
        before = column_values.read(connection, self.source.required_dataset.table, self.rows, keys, names)
        changed, changes.changed = changes.changed, []
        for row in changed:
            self._put_back(changes, row, places, before[row.key], known[row.key])
        self._news = [name for name in names if name not in self.kept]
        self.kept.update(names)
        return True

    def news(self) -> str | None:
        """What the session is to say of the last batch; None if there is nothing that it did not say before."""
        if not self._news:
            return None
        columns, self._news = ", ".join(self._news), []
        return (
            f"{columns}: no item has a value any more, so what is stored was kept; if it is right that it goes, run "
            f"`syncline sync {self.source.name} --mode full --force`"
        )

    def _vanished(
        self, connection: Connection, changes: Changes, items: Mapping[Key, RawItem], known: Known, mode: Mode
    ) -> list[int]:
        """The columns that nearly all of these rows held, and that no item of the batch has any more."""
        if not changes.changed:
            return []
        came = [*changes.changed, *changes.new]
        places = _emptied(self.codec, came)
        if not places:
            return []
        changed = {row.key for row in changes.changed}
        bad = {
            item.key for item in changes.rejected
        }  # rejected items keep their values, which says nothing about the column
        same = [key for key in items if key in known and key not in changed and key not in bad]
        again = len(changed) < _MANY and column_values.are_kept(
            connection, self.source.required_dataset.table, self.rows
        )
        if not are_enough(mode, changed=len(changed), same=len(same), again=again):
            return []
        held = self._filled(connection, list(changed)[:_SAMPLE], places)
        places = [place for place in places if 2 * held[place] > min(len(changed), _SAMPLE)]
        places = [place for place in places if _are_lacking(self.codec, came, items, place)]
        still = self._filled(connection, [key for key in same if not self._is_kept(known[key])], places)
        return [place for place in places if not still[place]]

    def _filled(self, connection: Connection, keys: Sequence[Key], places: Sequence[int]) -> dict[int, int]:
        """In how many of the rows with these keys each column holds something."""
        names = [self.codec.columns[place] for place in places]
        values = (
            column_values.read(connection, self.source.required_dataset.table, self.rows, keys, names)
            if places and keys
            else {}
        )
        return {
            place: sum(row[number] not in (None, self.codec.defaults[place]) for row in values.values())
            for number, place in enumerate(places)
        }

    def _put_back(
        self,
        changes: Changes,
        row: ItemRow,
        places: Sequence[int],
        stored: Sequence[Any],
        fingerprints: tuple[bytes, bytes],
    ) -> None:
        """Count the row as changed only if it differs in another column too."""
        values = list(row.values)
        for place, value in zip(places, stored, strict=True):
            values[place] = value
        own = self.codec.fingerprint(values)
        if own != fingerprints[1]:
            changes.changed.append(ItemRow(row.key, tuple(values), (own, own)))
        elif not self._is_kept(fingerprints):
            changes.respelt.append((row.key, own))

    @staticmethod
    def _is_kept(fingerprints: tuple[bytes, bytes]) -> bool:
        return fingerprints[0] == fingerprints[1]
