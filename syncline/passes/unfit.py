"""Items that do not fit their table at once: what can still be read of them, and why they are rejected."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Index

from syncline.model.items import Item, table_of
from syncline.model.page import RawItem
from syncline.upstreams import outline

__all__ = [
    "LONGEST_TEXT",
    "MOST_LEVELS",
    "UNREADABLE",
    "IndexLimits",
    "is_nested_too_deeply",
    "key_too_long",
    "only",
    "quoted",
    "why",
]

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises for an item that is no JSON, is not UTF-8, is nested too deeply, or does not fit."""
MOST_LEVELS = 500
"""So deep may lists and objects be nested in a column of JSON: Python reads no more than about 900 levels back."""
_DEEP = f"it is nested more than {MOST_LEVELS} levels deep"
_LONE_SURROGATE = re.compile(
    rb"\\(?:\\|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_NO_NUMBER = re.compile(rb"[\[:,]\s*(-?(?:NaN|Infinity))\b")


def why(error: Exception, raw: bytes) -> str:
    """The reason for which the item `raw` was refused, in words that say more than a parser's."""
    if isinstance(error, RecursionError):
        return _DEEP
    if isinstance(error, msgspec.ValidationError) or not isinstance(error, msgspec.DecodeError):
        return str(error)
    lone = next((found[1] for found in _LONE_SURROGATE.finditer(raw) if found[1]), None)
    if lone is not None:
        return f"a text contains \\{lone.decode()}, which is half of a character: it was cut in the middle of one"
    if (word := _NO_NUMBER.search(raw)) is not None:
        return f"{word[1].decode()} is no number in JSON"
    return str(error)


def only(raw: bytes, path: Sequence[str]) -> bytes | None:
    """The item with nothing in it but what stands at `path`; None if that cannot be told apart, or is not there."""
    try:
        found = outline.values_at(raw, {tuple(path)}).get(tuple(path))
    except ValueError:
        return None
    if found is None:
        return None
    before = b"".join(b"{" + msgspec.json.encode(key) + b":" for key in path)
    return before + found + b"}" * len(path)


def is_nested_too_deeply(raw: bytes) -> str | None:
    """The reason, if the item has more than `MOST_LEVELS` levels below itself; else None."""
    if raw.count(b"[") + raw.count(b"{") <= MOST_LEVELS:
        return None
    return _DEEP if outline.deeper_than(raw, MOST_LEVELS) else None


_WHOLE = re.compile(rb"-?\d+")
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_BITS_64 = 1 << 63
_EXACT_DIGITS = 15
"""What a double, SQLite's only number with a point, gives back exactly."""
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def quoted(raw: RawItem, texts: Mapping[str, bool]) -> bytes | None:
    """The item with the numbers as text that a text column takes, digit for digit; None if it has none.

    These are numbers that no column of numbers holds exactly, and whole numbers as keys. Called only for items that did
    not fit, so that the others cost nothing.

    Args:
        raw: the item.
        texts: the fields of text columns, by their name in the item, and whether each is the key.

    Raises:
        msgspec.MsgspecError: it is no object.
    """
    values = _decode(raw)
    found = {
        name: bytes(values[name]) for name, is_key in texts.items() if name in values and _fits(values[name], is_key)
    }
    if not found:
        return None
    return msgspec.json.encode(values | {name: msgspec.Raw(b'"%b"' % token) for name, token in found.items()})


def _fits(value: msgspec.Raw, is_key: bool) -> bool:  # noqa: FBT001 - what `texts` says of the field
    token = bytes(value)
    if _WHOLE.fullmatch(token):
        return is_key or not -_BITS_64 <= int(token) < _BITS_64
    digits = token.lstrip(b"-").replace(b".", b"").lstrip(b"0")
    return not is_key and _NUMBER.fullmatch(token) is not None and len(digits) > _EXACT_DIGITS


LONGEST_TEXT = 2_500
"""Bytes of text in UTF-8 that the columns of one index, or a key, may hold together."""


@dataclass(frozen=True, kw_only=True)
class _Limit:
    """Columns that stand in one index: its name, and the places of the columns among an item's values."""

    index: str
    columns: tuple[int, ...]


class IndexLimits:
    """How much text the key and the indexes of one table can hold; an item with more is a reject on both databases.

    PostgreSQL refuses a row of which an index would hold more than 2,704 bytes, as far as they do not compress; SQLite
    takes any. The limit leaves room for the numbers, the source and the account that stand in the same index.
    """

    def __init__(self, item: type[Item], columns: Sequence[str]) -> None:
        """Read them off the table's key and indexes; `columns` are the item's own, in the order of its values."""
        table, self._columns = table_of(item), columns
        named = [(index.name or "", index.columns) for index in table.indexes if _is_ordered(index)]
        named.append(("the key", table.primary_key.columns))
        places = {name: place for place, name in enumerate(columns)}
        self._limits = tuple(
            _Limit(index=name, columns=tuple(places[column.key] for column in those if column.key in places))
            for name, those in named
        )

    def exceeded(self, values: Sequence[Any]) -> str | None:
        """Why the values cannot be indexed; None if they can."""
        for limit in self._limits:
            texts = {place: len(values[place].encode()) for place in limit.columns if isinstance(values[place], str)}
            if sum(texts.values()) > LONGEST_TEXT:
                longest = max(texts, key=lambda place: texts[place])
                return f"{_too_long(limit.index)} - at `$.{self._columns[longest]}`"
        return None


def key_too_long(key: str) -> str | None:
    """Why the key cannot be one; None if it is short enough."""
    return _too_long("the key") if len(key.encode()) > LONGEST_TEXT else None


def _too_long(index: str) -> str:
    return f"Expected at most {LONGEST_TEXT} bytes of text in UTF-8, which is what {index} can hold"


def _is_ordered(index: Index) -> bool:
    """Whether it is of the kind that has the limit: PostgreSQL's own choice, or named."""
    using = index.dialect_options["postgresql"]["using"]
    return not using or using == "btree"
