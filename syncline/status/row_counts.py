"""How many rows the sources' tables have, counted by a few statements for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Select, TableClause, column, func, inspect, select, table, text

from syncline.model.items import partition_columns, table_of
from syncline.model.source import Source

__all__ = ["CountedTable", "RowCount", "count_rows", "counted_tables"]

_COUNTED_UP_TO = 100_000
"""PostgreSQL reads a whole table to count it; beyond this many rows its own estimate serves."""
_ESTIMATE = text(
    "SELECT name, reltuples FROM unnest(CAST(:names AS text[])) AS name JOIN pg_class ON oid = to_regclass(name)"
)
_AT_ONCE = 60
"""Tables of one statement."""


@dataclass(frozen=True, kw_only=True)
class RowCount:
    """A number of rows.

    Attributes:
        rows: how many there are, or about how many.
        exact: whether they were counted.
    """

    rows: int
    exact: bool = True


@dataclass(frozen=True, kw_only=True)
class CountedTable:
    """The table of a source.

    Attributes:
        name: its name in the database.
        shared: whether other sources have rows in it too.
    """

    name: str
    shared: bool


def counted_tables(sources: Iterable[Source]) -> Mapping[str, CountedTable]:
    """The table of each of `sources` that keeps a dataset, by its name."""
    tables = {one.name: one.dataset.table for one in sources if one.dataset is not None}
    return {
        name: CountedTable(name=table_of(table).name, shared="source" in partition_columns(table))
        for name, table in tables.items()
    }


def count_rows(connection: Connection, tables: Mapping[str, CountedTable]) -> Mapping[str, RowCount]:
    """The rows of each source: counted, or PostgreSQL's estimate if there are many.

    There are none where the table is not made yet. Of a table that several sources share, each has its own part.
    """
    there = set(inspect(connection).get_table_names()) if tables else set[str]()
    counts = {name: RowCount(rows=0) for name, one in tables.items() if one.name not in there}
    left = {name: one for name, one in tables.items() if name not in counts}
    estimates = _estimates(connection, {name: one.name for name, one in left.items() if not one.shared})
    counts |= {name: RowCount(rows=rows, exact=False) for name, rows in estimates.items()}
    exact = [(name, one) for name, one in left.items() if name not in estimates]
    for start in range(0, len(exact), _AT_ONCE):
        counts |= _counted(connection, dict(exact[start : start + _AT_ONCE]))
    return counts


def _estimates(connection: Connection, tables: Mapping[str, str]) -> Mapping[str, int]:
    """By source, where PostgreSQL estimates that a table is too large to be counted."""
    if connection.dialect.name != "postgresql" or not tables:
        return {}
    quote = connection.dialect.identifier_preparer.quote
    quoted = {name: quote(table_name) for name, table_name in tables.items()}
    found = dict(connection.execute(_ESTIMATE, {"names": sorted(set(quoted.values()))}).tuples().all())
    rows = {name: found.get(known) for name, known in quoted.items()}
    return {name: round(number) for name, number in rows.items() if number is not None and number > _COUNTED_UP_TO}


def _counted(connection: Connection, tables: Mapping[str, CountedTable]) -> Mapping[str, RowCount]:
    if not tables:
        return {}
    counts = [_count(name, one).scalar_subquery() for name, one in tables.items()]
    row = connection.execute(select(*counts)).one()
    return {name: RowCount(rows=number) for name, number in zip(tables, row, strict=True)}


def _count(source: str, one: CountedTable) -> Select[tuple[int]]:
    clause: TableClause = table(one.name, column("source"))
    counted = select(func.count()).select_from(clause)
    return counted.where(clause.c.source == source) if one.shared else counted
