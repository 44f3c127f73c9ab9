"""Items in SQLite: `executemany` on the driver's own connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Date
from sqlmodel.sql.sqltypes import UTCDateTime

from syncline.model.page import Key
from syncline.store.item_rows import ItemRow, ItemRows, is_amount, is_json

__all__ = ["SqliteRows"]


class SqliteRows(ItemRows):
    """The rows of one source in an SQLite table."""

    def _insert(self, connection: Connection, rows: Sequence[ItemRow], now: datetime) -> None:
        names = ", ".join(f'"{name}"' for name in self.columns)
        marks = ", ".join("?" * len(self.columns))
        statement = f'INSERT INTO "{self.table}" ({names}) VALUES ({marks})'
        self._many(connection, statement, list(self.adapted(rows, now)))

    def replace(self, connection: Connection, rows: Sequence[ItemRow], now: datetime) -> None:
        """Write rows that are there."""
        changes = ", ".join(f'"{name}" = {self._changed(name)}' for name in self.columns)
        statement = f'UPDATE "{self.table}" SET {changes} WHERE {self._mine_and_key()}'
        whose = tuple(self.partition.values())
        adapted = [(*values, *whose, row.key) for row, values in zip(rows, self.adapted(rows, now), strict=True)]
        self._many(connection, statement, adapted)

    def update_fingerprints(self, connection: Connection, rows: Sequence[tuple[Key, bytes]]) -> None:
        """Give rows, whose stored columns did not change, the raw fingerprint that came with them."""
        statement = f'UPDATE "{self.table}" SET raw_fingerprint = ? WHERE {self._mine_and_key()}'
        whose = tuple(self.partition.values())
        self._many(connection, statement, [(raw, *whose, key) for key, raw in rows])

    def delete(self, connection: Connection, keys: Sequence[Key]) -> int:
        """Delete rows; returns how many were there."""
        statement = f'DELETE FROM "{self.table}" WHERE {self._mine_and_key()}'
        whose = tuple(self.partition.values())
        return self._many(connection, statement, [(*whose, key) for key in keys])

    def _changed(self, name: str) -> str:
        return self._replacement(name, came="?", stored=f'"{name}"')

    def _mine_and_key(self) -> str:
        return " AND ".join(f'"{name}" = ?' for name in (*self.partition, self.key))

    def _many(self, connection: Connection, statement: str, rows: list[tuple[Any, ...]]) -> int:
        if not rows:
            return 0
        cursor: Any = connection.connection.cursor()
        try:
            return cursor.executemany(statement, rows).rowcount
        finally:
            cursor.close()

    def _among(self, keys: Sequence[Key]) -> tuple[str, object]:
        return f'"{self.key}" IN (SELECT value FROM json_each(:keys))', msgspec.json.encode(keys).decode()

    def _mark(self, name: str) -> str:
        return f":{name}"

    def _adapter(self, kind: object) -> Callable[[Any], Any] | None:
        """SQLite knows neither instants nor decimals nor JSON."""
        if isinstance(kind, UTCDateTime):
            return _instant_text
        if isinstance(kind, Date):
            return date.isoformat
        if is_amount(kind):
            return float
        return _json_text if is_json(kind) else None


def _instant_text(value: datetime) -> str:
    """As SQLAlchemy's DateTime writes and reads it: UTC, without an offset, always with microseconds."""
    aware = value if value.tzinfo is UTC else value.astimezone(UTC)
    return aware.isoformat(" ", "microseconds")[: -len("+00:00")]


def _json_text(value: object) -> str:
    return _encode(value).decode()


_encode = msgspec.json.Encoder().encode
