"""Items between the wire and the table: keys, fingerprints, typed rows, and the reasons why one does not fit.

An item is known again by the xxh3-128 of its raw bytes, without decoding. The seed of that hash is the table's shape,
so after a column was added every item is looked at once more. What is decoded is hashed a second time over its
columns: only that tells a change from the same values in another order.

Where a field stands in the item is the table's to say, or its source's (`Source.fields`). A table may have a column for
the rest: whatever of an item no other column took.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec
from sqlalchemy import JSON
from sqlmodel.sql.sqltypes import AutoString
from xxhash import xxh3_64_intdigest, xxh3_128_digest

from syncline.errors import ConfigurationError
from syncline.model.items import Item, key_column, partition_columns, table_of
from syncline.model.page import Key, RawItem
from syncline.model.places import Paths
from syncline.passes.unfit import (
    LONGEST_TEXT,
    MOST_LEVELS,
    UNREADABLE,
    IndexLimits,
    is_nested_too_deeply,
    key_too_long,
    only,
    quoted,
    why,
)
from syncline.passes.wire import finishers, takes_numbers, wire_field
from syncline.passes.wire_struct import Rest, WireField, reading, value_of, wire_struct

__all__ = ["ItemCodec", "Rejected", "codec_of"]

_MOST_BYTES = 4
"""A character has no more in UTF-8."""
_NUL = "a text contains the character U+0000, which databases refuse"


@dataclass(frozen=True, slots=True)
class Rejected:
    """An item that does not fit its table.

    Attributes:
        key: its key, None if that cannot be read.
        reason: what is wrong, and where in the item.
        raw: the item as it came.
    """

    key: Key | None
    reason: str
    raw: bytes


class ItemCodec:
    """Reads the items of one table as one source has them; made once a process by `codec_of`.

    Attributes:
        columns: the item's own columns; the next two are in their order.
        defaults: what each is where the item lacks it; None if it must be there.
        paths: where each stands in the item.
        rest_place: which of them keeps the rest of the item; None: none does.
    """

    def __init__(self, item: type[Item], paths: Paths | None = None, zone: str | None = None) -> None:
        """Derive the wire's shape from the class of the table, and from where the source has its fields.

        Instants without an offset are of the time zone `zone`; None: UTC.

        Raises:
            ConfigurationError: a field's type has no column, or the table has no single key of a fitting type.
        """
        paths = paths or {}
        self.key_column = key_column(item)
        self.columns = tuple(name for name in item.model_fields if name not in partition_columns(item))
        fields = [wire_field(item, name, paths) for name in self.columns if name != item.rest]
        self._key_is_text = _has_text_key(item, self.key_column)
        key = next(field for field in fields if field.name == self.key_column)
        self._decode, self._values = reading(item.__name__, fields)
        self._decode_key: Callable[[RawItem], Any] = msgspec.json.Decoder(wire_struct(item.__name__, [key])).decode
        self._key_path = key.path
        reads_key = key.name in paths or takes_numbers(item, key.name, paths)
        self._key_of = _key_of(key, as_text=self._key_is_text) if reads_key else None
        self._texts = {field.path[0]: field is key for field in fields if field.is_text and len(field.path) == 1}
        self._rest = Rest(fields, self.columns.index(item.rest)) if item.rest else None
        self.rest_place = self.columns.index(item.rest) if item.rest else None
        known = {field.name: field for field in fields}
        self.defaults = tuple(known[name].made_default() if name in known else None for name in self.columns)
        self.paths = tuple(known[name].path if name in known else () for name in self.columns)
        self._encode = msgspec.msgpack.Encoder(order="sorted", decimal_format="string").encode
        self._finishers = tuple(finishers(item, self.columns, paths, zone))
        self._places = {field.name: ".".join(field.path) for field in fields}
        self._limits = IndexLimits(item, self.columns)
        self._keeps_json = any(isinstance(table_of(item).c[name].type, JSON) for name in self.columns)
        self._zone = zone
        self._seed = _seed(fields, item.rest if zone is None else f"{item.rest} {zone}")

    @property
    def shape(self) -> int:
        """The table's shape: another number once a column was added, or is read from elsewhere."""
        return self._seed

    def raw_fingerprint(self, raw: RawItem) -> bytes:
        """16 bytes that are the same for the same bytes, as long as the table has the same shape."""
        return xxh3_128_digest(raw, self._seed)

    def keys(self, rows: Sequence[RawItem]) -> tuple[list[tuple[Key, RawItem]], list[Rejected]]:
        """Each item with its key, in order, and the items whose key cannot be read."""
        decode, name, key_of = self._decode_key, self.key_column, self._key_of
        try:
            if key_of is None:  # twice as quick
                keyed = [(getattr(decode(raw), name), raw) for raw in rows]
            else:
                keyed = [(key_of(decode(raw)), raw) for raw in rows]
        except UNREADABLE:
            return self._keys_one_by_one(rows)
        if self._key_is_text and _are_odd([key for key, _ in keyed]):
            return self._keys_one_by_one(rows)
        return keyed, []

    def _keys_one_by_one(self, rows: Sequence[RawItem]) -> tuple[list[tuple[Key, RawItem]], list[Rejected]]:
        keyed: list[tuple[Key, RawItem]] = []
        rejected: list[Rejected] = []
        for raw in rows:
            content = bytes(raw)
            try:
                key = self._key(content)
            except UNREADABLE as error:
                rejected.append(Rejected(None, f"no key: {why(error, content)}", content))
                continue
            if self._key_is_text and "\x00" in key:
                rejected.append(Rejected(None, f"no key: {_NUL}", content))
            elif self._key_is_text and (reason := key_too_long(key)) is not None:
                rejected.append(Rejected(key, reason, content))
            else:
                keyed.append((key, raw))
        return keyed, rejected

    def _key(self, raw: bytes) -> Any:  # noqa: ANN401 - the table's key
        """The item's key, also where the rest of it is no JSON.

        Raises:
            Exception: one of `UNREADABLE`.
        """
        read: Callable[[Any], Any] = self._key_of or attrgetter(self.key_column)
        try:
            return read(self._read_again(self._decode_key, raw))
        except UNREADABLE:
            part = only(raw, self._key_path)
            if part is None:
                raise
        return read(self._decode_key(part))

    def decode(self, key: Key, raw: RawItem) -> tuple[tuple[Any, ...], bytes] | Rejected:
        """The item's values in the order of `columns` and the fingerprint over them, or why it does not fit."""
        if self._keeps_json and len(raw) > 2 * MOST_LEVELS and (reason := is_nested_too_deeply(bytes(raw))):
            return Rejected(key, reason, bytes(raw))
        try:
            try:
                found = self._decode(raw)
            except msgspec.ValidationError:
                found = self._read_again(self._decode, raw)
            values = list(self._values(found))
            if self._rest is not None:
                self._rest.add(values, raw)
        except UNREADABLE as error:
            return Rejected(key, why(error, bytes(raw)), bytes(raw))
        reason = self._finish(values)
        if reason is None and len(raw) > LONGEST_TEXT:
            reason = self._limits.exceeded(values)
        if reason is None and _may_have_nul(raw) and _has_nul(values):
            reason = _NUL
        if reason is not None:
            return Rejected(key, reason, bytes(raw))
        return tuple(values), self.fingerprint(values)

    def _read_again(self, decode: Callable[[RawItem], Any], raw: RawItem) -> Any:  # noqa: ANN401 - a struct made at run time
        """The item that did not fit, with the numbers as text that a text column takes; if it has none, as it is."""
        mended = quoted(raw, self._texts)
        return decode(raw if mended is None else mended)

    def is_local(self, raw: RawItem, column: int) -> bool:
        """Whether the item, which fits, gives this instant without an offset, in a time zone that is not declared.

        Where a zone is named, the hour that comes twice is told apart when changes are asked for.
        """
        if self._zone is not None:
            return False
        value = self._values(self._decode(raw))[column]
        return isinstance(value, datetime) and value.tzinfo is None

    def fingerprint(self, values: Sequence[Any]) -> bytes:
        """16 bytes that are the same for the same values."""
        try:
            return xxh3_128_digest(self._encode(values))
        except OverflowError:  # a nested number of more than 64 bits, which msgpack has not
            return xxh3_128_digest(msgspec.json.encode(values, order="sorted"))

    def _finish(self, values: list[Any]) -> str | None:
        """Do in place what msgspec left to do; returns why it cannot be done."""
        for index, finish in self._finishers:
            if values[index] is None:
                continue
            try:
                values[index] = finish(values[index])
            except ValueError as error:
                return f"{error} - at `$.{self._places[self.columns[index]]}`"
            except ArithmeticError:  # NaN, or the year 0 in UTC
                return f"the value is out of range - at `$.{self._places[self.columns[index]]}`"
        return None


def _key_of(field: WireField, *, as_text: bool) -> Callable[[Any], Any]:
    """Reads the key from the struct made of it alone; a text key may be a number on the wire."""
    dig = value_of(field)
    return (lambda item: str(dig(item))) if as_text else dig


def _are_odd(keys: list[str]) -> bool:
    """Whether one of the keys may have a U+0000, or be too long; all at once, which is quicker than one by one."""
    return "\x00" in "".join(keys) or max(map(len, keys), default=0) > LONGEST_TEXT // _MOST_BYTES


def _seed(fields: list[WireField], rest: str) -> int:
    """The table's shape in one number."""
    shape: list[object] = [(field.name, repr(field.kind), "\x1f".join(field.path)) for field in fields]
    return xxh3_64_intdigest(repr([*shape, rest] if rest else shape).encode())


def _has_text_key(item: type[Item], key: str) -> bool:
    kind = table_of(item).c[key].type
    if isinstance(kind, AutoString):  # ordered by the database's own rules, which are not those of pages
        raise ConfigurationError(f"{item.__name__}.{key}: a text key needs sa_type=KeyText")
    return kind.python_type is str


def _may_have_nul(raw: RawItem) -> bool:
    """Whether U+0000 is written in the item; most have no escape at all, which is quicker to see."""
    content = bytes(raw)
    return b"\\" in content and b"\\u0000" in content


def _has_nul(values: list[Any]) -> bool:
    """Whether a text among the values contains U+0000, and not just a backslash before `u0000`."""
    return b"\\u0000" in msgspec.json.encode(values).replace(rb"\\", b"")


def codec_of(item: type[Item], paths: Paths | None = None, zone: str | None = None) -> ItemCodec:
    """The codec of a table whose fields stand where `paths` say (else under their own names); made once a process."""
    hashable: Any = item
    return _made(hashable, tuple((paths or {}).items()), zone)


@cache
def _made(item: type[Item], paths: tuple[tuple[str, str], ...], zone: str | None) -> ItemCodec:
    return ItemCodec(item, dict(paths), zone)
