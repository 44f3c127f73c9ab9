"""Items in PostgreSQL: COPY, and one look-up by array."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from syncline.model.page import Key
from syncline.store.item_rows import ItemRow, ItemRows, is_json

__all__ = ["PostgresqlRows"]

_ROW_BY_ROW = 200
"""Up to so many rows are sent one by one, in one go. For more, COPY beside the table is quicker, although making a
table and taking it away costs as much as hundreds of rows, and leaves the server's catalogue to be swept."""


class PostgresqlRows(ItemRows):
    """The rows of one source in a PostgreSQL table."""

    def _insert(self, connection: Connection, rows: Sequence[ItemRow], now: datetime) -> None:
        if rows:
            self._copy(connection, self.table, self.adapted(rows, now))

    def replace(self, connection: Connection, rows: Sequence[ItemRow], now: datetime) -> None:
        """Write rows that are there; each is found by its key."""
        if not rows:
            return
        names = ", ".join(f'"{name}"' for name in self.columns)
        keys = ", ".join(f'"{name}"' for name in (*self.partition, self.key))
        changes = ", ".join(f'"{name}" = {self._changed(name)}' for name in self.columns)
        merge = f'INSERT INTO "{self.table}" ({names}) {{}} ON CONFLICT ({keys}) DO UPDATE SET {changes}'
        if len(rows) <= _ROW_BY_ROW:
            marks = ", ".join(["%s"] * len(self.columns))
            driver: Any = connection.connection.driver_connection
            with driver.cursor() as cursor:
                cursor.executemany(merge.format(f"VALUES ({marks})"), list(self.adapted(rows, now)))
            return
        beside = f"changed_{self.table}"
        self._execute(connection, f'CREATE TEMP TABLE "{beside}" (LIKE "{self.table}") ON COMMIT DROP')
        self._copy(connection, beside, self.adapted(rows, now))
        self._execute(connection, merge.format(f'SELECT {names} FROM "{beside}"'))
        self._execute(connection, f'DROP TABLE "{beside}"')

    def update_fingerprints(self, connection: Connection, rows: Sequence[tuple[Key, bytes]]) -> None:
        """Give rows, whose stored columns did not change, the raw fingerprint that came with them."""
        if not rows:
            return
        kind = "text" if self.key_is_text else "bigint"
        self._execute(
            connection,
            f'UPDATE "{self.table}" SET raw_fingerprint = came.print '
            f"FROM unnest(%(keys)s::{kind}[], %(prints)s::bytea[]) AS came(key, print) "
            f'WHERE {self._mine()} AND "{self.key}" = came.key',
            self.partition | {"keys": [key for key, _ in rows], "prints": [raw for _, raw in rows]},
        )

    def delete(self, connection: Connection, keys: Sequence[Key]) -> int:
        """Delete rows; returns how many were there."""
        if not keys:
            return 0
        statement = f'DELETE FROM "{self.table}" WHERE {self._mine()} AND "{self.key}" = ANY(%(keys)s)'
        return self._execute(connection, statement, self.partition | {"keys": list(keys)})

    def _changed(self, name: str) -> str:
        return self._replacement(name, came=f'excluded."{name}"', stored=f'"{self.table}"."{name}"')

    def _copy(self, connection: Connection, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        names = ", ".join(f'"{name}"' for name in self.columns)
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(f'COPY "{table}" ({names}) FROM STDIN') as copy:
            write = copy.write_row
            for row in rows:
                write(row)

    def _execute(self, connection: Connection, statement: str, bound: dict[str, Any] | None = None) -> int:
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor:
            return cursor.execute(statement, bound).rowcount

    def _among(self, keys: Sequence[Key]) -> tuple[str, object]:
        return f'"{self.key}" = ANY(%(keys)s)', list(keys)

    def _mark(self, name: str) -> str:
        return f"%({name})s"

    def _adapter(self, kind: object) -> Callable[[Any], Any] | None:
        return _json_text if is_json(kind) else None


def _json_text(value: object) -> str:
    return _encode(value).decode()


_encode = msgspec.json.Encoder().encode
