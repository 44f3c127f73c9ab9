"""Single columns of stored rows, as typed values: read where what has come is doubted, not on the way of each page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, select

from syncline.model.items import Item, table_of
from syncline.model.page import Key
from syncline.store.item_rows import ItemRows

__all__ = ["are_kept", "read"]

_AT_ONCE = 1_000


def read(
    connection: Connection, item: type[Item], rows: ItemRows, keys: Sequence[Key], names: Sequence[str]
) -> dict[Key, tuple[Any, ...]]:
    """The values of the columns `names` in the rows with these keys."""
    columns = table_of(item).c
    found: dict[Key, tuple[Any, ...]] = {}
    for start in range(0, len(keys), _AT_ONCE):
        among = columns[rows.key].in_(keys[start : start + _AT_ONCE])
        asked = select(columns[rows.key], *(columns[name] for name in names)).where(*_mine(item, rows), among)
        found |= {row[0]: tuple(row[1:]) for row in connection.execute(asked)}
    return found


def are_kept(connection: Connection, item: type[Item], rows: ItemRows) -> bool:
    """Whether a row has a value that its item no longer has: then its two fingerprints are one."""
    columns = table_of(item).c
    kept = exists().where(*_mine(item, rows), columns["raw_fingerprint"] == columns["fingerprint"])
    return bool(connection.execute(select(kept)).scalar())


def _mine(item: type[Item], rows: ItemRows) -> list[ColumnElement[bool]]:
    return [table_of(item).c[name] == value for name, value in rows.partition.items()]
