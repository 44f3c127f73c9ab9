"""Items between the wire and the table: keys, fingerprints, typed rows, and the reasons why one does not fit.

An item is known again by the xxh3-128 of its raw bytes, without decoding. The seed of that hash is the table's shape,
so after a column was added every item is looked at once more. What is decoded is hashed a second time over its
columns: only that tells a change from the same values in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from xxhash import xxh3_64_intdigest, xxh3_128_digest

from syncline.model.items import Item, key_column, partition_columns
from syncline.passes.wire import alias_of, finishers, wire_field

if TYPE_CHECKING:
    from syncline.model.page import Key, RawItem

__all__ = ["ItemCodec", "Rejected", "codec_of"]


@dataclass(frozen=True, slots=True)
class Rejected:
    """An item that does not fit its table.

    Attributes:
        key: its key, None where that cannot be read.
        reason: what is wrong, and where in the item.
        raw: the item as it came.
    """

    key: Key | None
    reason: str
    raw: bytes


class ItemCodec:
    """Reads the items of one table; made once a process by `codec_of`."""

    def __init__(self, item: type[Item]) -> None:
        """Derive the wire's shape from the class of the table.

        Raises:
            ConfigurationError: a field's type has no column, or the table has no single key.
        """
        self.key_column = key_column(item)
        self.columns = tuple(name for name in item.model_fields if name not in partition_columns(item))
        fields = [wire_field(item, name) for name in self.columns]
        aliases = {name: alias_of(item.model_fields[name], name) for name in self.columns}
        wire: Any = msgspec.defstruct(f"{item.__name__}Wire", fields, rename=aliases, kw_only=True, gc=False)
        key_field = fields[self.columns.index(self.key_column)][:2]
        key: Any = msgspec.defstruct(f"{item.__name__}Key", [key_field], rename=aliases, gc=False)
        self._decode: Callable[[RawItem], Any] = msgspec.json.Decoder(wire).decode
        self._decode_key: Callable[[RawItem], Any] = msgspec.json.Decoder(key).decode
        self._encode = msgspec.msgpack.Encoder(order="sorted", decimal_format="string").encode
        self._finishers = tuple(finishers(item, self.columns))
        self._seed = xxh3_64_intdigest(repr([(f[0], repr(f[1]), aliases[f[0]]) for f in fields]).encode())

    def raw_fingerprint(self, raw: RawItem) -> bytes:
        """16 bytes that are the same for the same bytes, as long as the table has the same shape."""
        return xxh3_128_digest(raw, self._seed)

    def keys(self, rows: Sequence[RawItem]) -> tuple[list[tuple[Key, RawItem]], list[Rejected]]:
        """Each item with its key, in order, and the items whose key cannot be read."""
        decode, name = self._decode_key, self.key_column
        try:
            return [(getattr(decode(raw), name), raw) for raw in rows], []
        except msgspec.MsgspecError:
            return self._keys_one_by_one(rows)

    def _keys_one_by_one(self, rows: Sequence[RawItem]) -> tuple[list[tuple[Key, RawItem]], list[Rejected]]:
        keyed: list[tuple[Key, RawItem]] = []
        rejected: list[Rejected] = []
        for raw in rows:
            try:
                keyed.append((getattr(self._decode_key(raw), self.key_column), raw))
            except msgspec.MsgspecError as error:
                rejected.append(Rejected(None, f"no key: {error}", bytes(raw)))
        return keyed, rejected

    def decode(self, key: Key, raw: RawItem) -> tuple[tuple[Any, ...], bytes] | Rejected:
        """The item's values in the order of `columns` and the fingerprint over them, or why it does not fit."""
        try:
            item = self._decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return Rejected(key, str(error), bytes(raw))
        if _has_nul(raw):
            return Rejected(key, "a text contains the character U+0000, which databases refuse", bytes(raw))
        values = list(msgspec.structs.astuple(item))
        for index, finish in self._finishers:
            if values[index] is None:
                continue
            try:
                values[index] = finish(values[index])
            except ValueError as error:
                return Rejected(key, f"{error} - at `$.{self.columns[index]}`", bytes(raw))
        return tuple(values), xxh3_128_digest(self._encode(values))


def _has_nul(raw: RawItem) -> bool:
    """Whether a text in the item contains U+0000; most have no escape at all, which is quicker to see."""
    content = bytes(raw)
    return b"\\" in content and b"\\u0000" in content


def codec_of(item: type[Item]) -> ItemCodec:
    """The codec of a table; made once a process."""
    hashable: Any = item
    return _made(hashable)


@cache
def _made(item: type[Item]) -> ItemCodec:
    return ItemCodec(item)
