"""The tables of items, read and written in bulk below the ORM.

A table may be shared: its key columns `source` and `account_id` then say whose rows are meant, and every statement is
held to these. All methods work on the transaction that they are given.

The status of moderated items is ours: it is never taken from what a pass has read, but worked out by the statement that
writes the row, over the status that stands there at that moment.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import JSON, Connection, select
from sqlmodel.sql.sqltypes import UTCDateTime

from syncline.model.columns import Amount
from syncline.model.items import (
    STATUS,
    Item,
    ItemStatus,
    ModeratedItem,
    key_column,
    partition_columns,
    table_of,
)
from syncline.model.page import Key
from syncline.store.decisions import recall

__all__ = ["Fingerprints", "ItemRow", "ItemRows", "Known", "is_amount", "is_json"]

Fingerprints: TypeAlias = "tuple[bytes, bytes]"
"""An item's raw fingerprint and its fingerprint."""
Known: TypeAlias = "dict[Key, Fingerprints]"
_AT_ONCE = 500
"""So many keys are bound in one statement."""


class ItemRow(NamedTuple):
    """A row to be written; a tuple, because a first load makes one for each item.

    Attributes:
        key: the item's key.
        values: the item's own columns, in the order of the codec.
        fingerprints: its raw fingerprint and its fingerprint.
    """

    key: Key
    values: tuple[Any, ...]
    fingerprints: Fingerprints


class ItemRows(ABC):
    """The rows of one source (and account) in one table; one subclass for each database."""

    def __init__(
        self,
        item: type[Item],
        *,
        source: str,
        account_id: str | None,
        first_status: ItemStatus = ItemStatus.LIVE,
    ) -> None:
        """Work on the rows of `source` and `account_id`, as far as the table tells them apart.

        In a table of moderated items, new ones get `first_status`.
        """
        table = table_of(item)
        whose: Mapping[str, object] = {"source": source, "account_id": account_id or ""}
        self.table = table.name
        self._typed = table.c
        self.key = key_column(item)
        self.key_is_text = table.c[self.key].type.python_type is str
        self.partition = {name: whose[name] for name in partition_columns(item)}
        own = [name for name in item.model_fields if name not in self.partition]
        self.is_moderated = issubclass(item, ModeratedItem)
        self._first = {STATUS: first_status.value} if self.is_moderated else {}
        self.columns = (*own, *self.partition, *self._first, "raw_fingerprint", "fingerprint", "synced_at")
        self._adapters = [(i, a) for i, name in enumerate(own) if (a := self._adapter(table.c[name].type)) is not None]

    def insert(self, connection: Connection, rows: Sequence[ItemRow], now: datetime) -> None:
        """Write rows that are not there; what was decided of one that was there before counts again."""
        self._insert(connection, rows, now)
        if rows and self.is_moderated:
            among, listed = self._among([row.key for row in rows])
            recall(connection, self.table, self.key, f"{self._mine()} AND {among}", self.partition | {"keys": listed})

    @abstractmethod
    def _insert(self, connection: Connection, rows: Sequence[ItemRow], now: datetime) -> None:
        """Write rows that are not there, with their first status."""

    @abstractmethod
    def replace(self, connection: Connection, rows: Sequence[ItemRow], now: datetime) -> None:
        """Write rows that are there."""

    @abstractmethod
    def update_fingerprints(self, connection: Connection, rows: Sequence[tuple[Key, bytes]]) -> None:
        """Give rows, whose stored columns did not change, the raw fingerprint that came with them."""

    @abstractmethod
    def delete(self, connection: Connection, keys: Sequence[Key]) -> int:
        """Delete rows; returns how many were there."""

    def _replacement(self, name: str, *, came: str, stored: str) -> str:
        """What a column is set to where a row is replaced: what `came`; a status is decided over what is `stored`.

        Live stays live where new rows are live too; whatever else there is, waits for a decision.
        """
        if name != STATUS or not self.is_moderated:
            return came
        return f"CASE WHEN {stored} = '{ItemStatus.LIVE}' THEN {came} ELSE '{ItemStatus.PENDING}' END"

    @abstractmethod
    def _adapter(self, kind: object) -> Callable[[Any], Any] | None:
        """How values of a column's type are given to the driver; None: as they are."""

    @abstractmethod
    def _mark(self, name: str) -> str:
        """How a bound value is written in SQL."""

    @abstractmethod
    def _among(self, keys: Sequence[Key]) -> tuple[str, object]:
        """The condition that a row's key is one of `keys`, and the value to bind as `keys`."""

    def known_of(self, connection: Connection, keys: Sequence[Key]) -> Known:
        """The fingerprints of those of `keys` that are stored."""
        among, listed = self._among(keys)
        statement = (
            f'SELECT "{self.key}", raw_fingerprint, fingerprint FROM "{self.table}" WHERE {self._mine()} AND {among}'
        )
        rows = self._fetch(connection, statement, self.partition | {"keys": listed})
        return {key: (raw, own) for key, raw, own in rows}

    def written_since(self, connection: Connection, keys: Sequence[Key], since: datetime) -> set[Key]:
        """Those of `keys` whose row was written at `since` or later."""
        among, listed = self._among(keys)
        written = f"synced_at >= {self._mark('since')}"
        statement = f'SELECT "{self.key}" FROM "{self.table}" WHERE {self._mine()} AND {written} AND {among}'
        bound = self.partition | {"keys": listed, "since": self._instant(since)}
        return {key for (key,) in self._fetch(connection, statement, bound)}

    def instants_of(self, connection: Connection, keys: Sequence[Key], column: str) -> dict[Key, datetime]:
        """What the rows of `keys` have in a column of instants, where they have anything."""
        columns, asked = self._typed, list(keys)
        mine = [columns[name] == value for name, value in self.partition.items()]
        parts = [asked[start : start + _AT_ONCE] for start in range(0, len(asked), _AT_ONCE)]
        queries = [
            select(columns[self.key], columns[column]).where(*mine, columns[self.key].in_(part)) for part in parts
        ]
        found = [row for query in queries for row in connection.execute(query)]
        return {key: instant for key, instant in found if instant is not None}

    def known_between(self, connection: Connection, after: Key | None, last: Key, limit: int) -> Known | None:
        """The fingerprints of all rows with `after` < key <= `last`; None where there are more than `limit`."""
        above = "" if after is None else f' AND "{self.key}" > {self._mark("after")}'
        statement = (
            f'SELECT "{self.key}", raw_fingerprint, fingerprint FROM "{self.table}" '
            f'WHERE {self._mine()} AND "{self.key}" <= {self._mark("last")}{above} LIMIT {limit + 1}'
        )
        bound = self.partition | {"last": last} | ({} if after is None else {"after": after})
        rows = self._fetch(connection, statement, bound)
        return None if len(rows) > limit else {key: (raw, own) for key, raw, own in rows}

    def count(self, connection: Connection) -> int:
        """How many rows there are."""
        statement = f'SELECT count(*) FROM "{self.table}" WHERE {self._mine()}'
        return self._fetch(connection, statement, self.partition)[0][0]

    def adapted(self, rows: Iterable[ItemRow], now: datetime) -> Iterable[tuple[Any, ...]]:
        """The rows as the driver takes them, in the order of `columns`."""
        tail, stamp = (*self.partition.values(), *self._first.values()), self._instant(now)
        for row in rows:
            values = list(row.values)
            for index, adapt in self._adapters:
                if values[index] is not None:
                    values[index] = adapt(values[index])
            yield (*values, *tail, *row.fingerprints, stamp)

    def _instant(self, now: datetime) -> object:
        adapt = self._adapter(UTCDateTime())
        return now if adapt is None else adapt(now)

    def _mine(self) -> str:
        """The condition that holds a statement to our rows."""
        return " AND ".join(f'"{name}" = {self._mark(name)}' for name in self.partition) or "1 = 1"

    def _fetch(self, connection: Connection, statement: str, bound: Mapping[str, object]) -> list[Any]:
        cursor: Any = connection.connection.cursor()
        try:
            cursor.execute(statement, dict(bound))
            return cursor.fetchall()
        finally:
            cursor.close()


def is_json(kind: object) -> bool:
    """Whether a column holds a nested part."""
    return isinstance(kind, JSON)


def is_amount(kind: object) -> bool:
    """Whether a column holds a decimal number."""
    return isinstance(kind, Amount)
