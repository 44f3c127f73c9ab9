"""How many rows the sources' tables have, counted by a few statements for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Table, func, inspect, select, text

from syncline.model.items import partition_columns, table_of
from syncline.model.source import Source

__all__ = ["RowCount", "count_rows"]

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


def count_rows(connection: Connection, sources: Iterable[Source]) -> Mapping[str, RowCount]:
    """The rows of each source: counted, or PostgreSQL's estimate where there are many.

    There are none where the table is not made yet. Of a table that several sources share, each has its own part.
    """
    declared = {source.name: table_of(source.table) for source in sources}
    shared = {source.name for source in sources if "source" in partition_columns(source.table)}
    there = set(inspect(connection).get_table_names()) if declared else set[str]()
    counts = {name: RowCount(rows=0) for name, table in declared.items() if table.name not in there}
    left = {name: table for name, table in declared.items() if name not in counts}
    estimates = _estimates(connection, {name: table for name, table in left.items() if name not in shared})
    counts |= {name: RowCount(rows=rows, exact=False) for name, rows in estimates.items()}
    exact = [(name, table) for name, table in left.items() if name not in estimates]
    for start in range(0, len(exact), _AT_ONCE):
        counts |= _counted(connection, dict(exact[start : start + _AT_ONCE]), shared)
    return counts


def _estimates(connection: Connection, tables: Mapping[str, Table]) -> Mapping[str, int]:
    """By source, where PostgreSQL estimates that a table is too large to be counted."""
    if connection.dialect.name != "postgresql" or not tables:
        return {}
    quote = connection.dialect.identifier_preparer.quote
    quoted = {name: quote(table.name) for name, table in tables.items()}
    found = dict(connection.execute(_ESTIMATE, {"names": sorted(set(quoted.values()))}).tuples().all())
    rows = {name: found.get(table) for name, table in quoted.items()}
    return {name: round(number) for name, number in rows.items() if number is not None and number > _COUNTED_UP_TO}


def _counted(connection: Connection, tables: Mapping[str, Table], shared: set[str]) -> Mapping[str, RowCount]:
    if not tables:
        return {}
    counts = [
        select(func.count())
        .select_from(table)
        .where(*[table.c.source == name] if name in shared else [])
        .scalar_subquery()
        for name, table in tables.items()
    ]
    row = connection.execute(select(*counts)).one()
    return {name: RowCount(rows=number) for name, number in zip(tables, row, strict=True)}
