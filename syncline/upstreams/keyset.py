"""Cursors made of the last item's key: servers answer with the items above it, or from it on."""

from collections.abc import Callable
from functools import cache
from itertools import pairwise, takewhile
from typing import Any

import msgspec
from xxhash import xxh3_64_intdigest

from syncline.model.places import dotted_keys
from syncline.upstreams.cursor_walk import Cursors, Known, Next
from syncline.upstreams.reader import Fetched, Reader

__all__ = ["KeysetCursors"]


class _Learned(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a walk has learned of its key; see the fields of `KeysetCursors` with these names."""

    counts_in: bool | None = None
    has_ties: bool = False
    bare_borders: int = 0
    is_crowded: bool = False
    at_border: list[int] = []


class KeysetCursors(Cursors):
    """Finds the next cursor in a page's last items.

    If two items of a page share a key, the key is not unique, and a page may end among items that share one. A server
    that answers with the items from the cursor on sends these again, and nothing is lost. With a server that answers
    with the items above the cursor, the last key but one is the cursor from then on; for the page border that was
    passed before this was known, the walk goes back once.
    """

    def __init__(self, reader: Reader, key: str, *, size_asked: int | None, more_at: str | None) -> None:
        """Read `key`, a dotted path, of pages of `size_asked` (None: the size is not known)."""
        self.reader = reader
        self._size_asked = size_asked
        self._more_at = more_at
        self._key = key
        self._key_of = _key_reader(dotted_keys(key))
        self._before: frozenset[bytes] = frozenset()
        self._at_border: list[int] = []  # digests of the newest page's items that share its last key
        self._counts_in: bool | None = None  # whether an answer begins with the cursor itself
        self._has_ties = False
        self._bare_borders = 0  # full pages after whose last key the walk went on
        self._back: str | None = None  # the last key but one before the newest of them
        self._went_back = False  # the newest page brings again what the one before it brought
        self._overtaken: list[bytes] = []  # the page from which the walk went back
        self._is_crowded = False

    def remembered(self) -> Known:
        """What was learned of the key."""
        learned = _Learned(
            counts_in=self._counts_in,
            has_ties=self._has_ties,
            bare_borders=self._bare_borders,
            is_crowded=self._is_crowded,
            at_border=self._at_border,
        )
        return msgspec.to_builtins(learned)

    def remember(self, known: Known) -> None:
        """Go on with what was `remembered`; the walk does not go back to the border that was passed last."""
        found = msgspec.convert(known, _Learned)
        self._counts_in, self._has_ties = found.counts_in, found.has_ties
        self._bare_borders, self._is_crowded = found.bare_borders, found.is_crowded
        self._at_border = found.at_border

    @property
    def next_at(self) -> str | None:
        """Nothing: each item has it."""
        return None

    @property
    def more_at(self) -> str | None:
        """Where the answer says whether there is more."""
        return self._more_at

    @property
    def size_asked(self) -> int | None:
        """How many rows are asked for."""
        return self._size_asked

    def next(self, got: Fetched, cursor: str | None) -> Next:
        """A key of the page's last items; None on the last page."""
        fresh = self._fresh(got.rows)
        keys = [key for key in map(self._key_at, got.rows) if key is not None]
        self._at_border = self._sharing(keys[-1], got.rows) if keys else []
        if got.rows and not keys:
            self.reader.reject(f"no item of a page has a key at {self._key!r}; change `key`")
        if cursor is not None:
            self._counts_in = self._counts_in is True or cursor in keys
        self._has_ties = self._has_ties or any(one == other for one, other in pairwise(keys))
        if self._has_ties and self._counts_in is False and self._back is not None:
            back, self._back, self._went_back = self._back, None, True
            self._bare_borders -= 1
            self._before |= frozenset(got.rows)
            self._overtaken = got.rows
            return Next(rows=fresh, cursor=back, objection=self._objection)
        is_full = self._size_asked is None or len(got.rows) >= self._size_asked
        self._before, self._back = frozenset(got.rows), None
        overtaken, self._overtaken = self._overtaken, []
        if not self._before.isdisjoint(overtaken):  # nothing lies between the two: go on after the later one
            self._before |= frozenset(overtaken)
            keys = [key for key in map(self._key_at, overtaken) if key is not None]
            is_full = self._size_asked is None or len(overtaken) >= self._size_asked
        is_known, self._went_back = not fresh and not (self._went_back and is_full), False
        if is_known or keys[-1] == cursor or got.truth(self._more_at) is False:
            self._is_crowded = self._is_crowded or (is_full and bool(keys) and keys[0] == keys[-1] == cursor)
            return Next(rows=fresh, cursor=None, objection=self._objection)
        return Next(rows=fresh, cursor=self._cursor_behind(keys, is_full=is_full), objection=self._objection)

    def _fresh(self, rows: list[bytes]) -> list[bytes]:
        """Those of `rows` that did not come before; of the page before a resumed walk, its border is known."""
        if self._before:
            return [row for row in rows if row not in self._before]
        return [row for row in rows if _digest(row) not in self._at_border] if self._at_border else rows

    def _sharing(self, key: str, rows: list[bytes]) -> list[int]:
        """The digests of the last rows, as far as they have this key."""
        return [_digest(row) for row in takewhile(lambda row: self._key_at(row) == key, reversed(rows))]

    def _cursor_behind(self, keys: list[str], *, is_full: bool) -> str:
        """The last key, or the one before it where more items with the last one may follow."""
        if not is_full or self._counts_in:
            return keys[-1]
        distinct = list(dict.fromkeys(keys))
        if self._has_ties and self._counts_in is False and len(distinct) > 1:
            return distinct[-2]
        self._bare_borders += 1
        self._back = distinct[-2] if len(distinct) > 1 else None
        return keys[-1]

    @property
    def _objection(self) -> str | None:
        """Why items may be missing."""
        if self._is_crowded:
            return f"more than a page of items share one {self._key!r}; ask for larger pages"
        if self._has_ties and self._bare_borders and not self._counts_in:
            said = "items that share one over a page's border may be missing; name a key that is unique"
            return f"{self._key!r} is not unique: {said}"
        return None

    def _key_at(self, row: bytes) -> str | None:
        """The item's key as it is sent; None if it has none."""
        try:
            raw = self._key_of(row)
            return msgspec.json.decode(raw, type=str) if raw[:1] == b'"' else _number(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None


def _digest(row: bytes) -> int:
    return xxh3_64_intdigest(row) >> 1


def _number(raw: bytes) -> str | None:
    """A number as it was written; None for anything else."""
    return raw.decode() if raw[:1] in b"-0123456789" and raw else None


@cache
def _key_reader(keys: tuple[str, ...]) -> Callable[[bytes], bytes]:
    """Reads what stands at `keys` in an item, as it was written; decodes nothing else."""
    shape: Any = msgspec.Raw
    for key in reversed(keys):
        shape = msgspec.defstruct("At", [("inner", shape)], rename={"inner": key})
    decode = msgspec.json.Decoder(shape).decode

    def read(row: bytes) -> bytes:
        found: Any = decode(row)
        for _ in keys:
            found = found.inner
        return bytes(found)

    return read
