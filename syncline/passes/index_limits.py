"""How much text a table's keys and indexes can hold, so that an item with more is a reject on both databases.

PostgreSQL refuses a row of which an index would hold more than 2,704 bytes, as far as they do not compress; SQLite
takes any. The limit leaves room for the numbers, the source and the account that stand in the same index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Index

from syncline.model.items import Item, table_of

__all__ = ["LONGEST_TEXT", "IndexLimits", "key_too_long"]

LONGEST_TEXT = 2_500
"""Bytes of text in UTF-8 that the columns of one index, or a key, may hold together."""


@dataclass(frozen=True, kw_only=True)
class _Limit:
    """Columns that stand in one index: its name, and the places of the columns among an item's values."""

    index: str
    columns: tuple[int, ...]


class IndexLimits:
    """The limits of one table."""

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
        """Why the values cannot be indexed; None where they can."""
        for limit in self._limits:
            texts = {place: len(values[place].encode()) for place in limit.columns if isinstance(values[place], str)}
            if sum(texts.values()) > LONGEST_TEXT:
                longest = max(texts, key=lambda place: texts[place])
                return f"{_too_long(limit.index)} - at `$.{self._columns[longest]}`"
        return None


def key_too_long(key: str) -> str | None:
    """Why the key is none; None where it is short enough."""
    return _too_long("the key") if len(key.encode()) > LONGEST_TEXT else None


def _too_long(index: str) -> str:
    return f"Expected at most {LONGEST_TEXT} bytes of text in UTF-8, which is what {index} can hold"


def _is_ordered(index: Index) -> bool:
    """Whether it is of the kind that has the limit: PostgreSQL's own choice, or named."""
    using = index.dialect_options["postgresql"]["using"]
    return not using or using == "btree"
