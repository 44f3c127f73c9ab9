"""How many rows a source's table has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, inspect, select, text

from syncline.model.items import partition_columns, table_of

if TYPE_CHECKING:
    from syncline.model.source import Source

__all__ = ["RowCount", "count_rows"]

_COUNTED_UP_TO = 100_000
"""PostgreSQL reads a whole table to count it; beyond this many rows its own estimate serves."""
_ESTIMATE = text("SELECT reltuples FROM pg_class WHERE oid = to_regclass(:name)")


@dataclass(frozen=True, kw_only=True)
class RowCount:
    """A number of rows.

    Attributes:
        rows: how many there are, or about how many.
        exact: whether they were counted.
    """

    rows: int
    exact: bool = True


def count_rows(connection: Connection, source: Source) -> RowCount:
    """The source's rows: counted, or PostgreSQL's estimate where there are many; none where the table is not made yet.

    Of a table that it shares, its own part is counted.
    """
    table = table_of(source.table)
    if not inspect(connection).has_table(table.name):
        return RowCount(rows=0)
    shared = "source" in partition_columns(source.table)
    if connection.dialect.name == "postgresql" and not shared:
        quoted = connection.dialect.identifier_preparer.quote(table.name)
        estimate = connection.execute(_ESTIMATE, {"name": quoted}).scalar()
        if estimate is not None and estimate > _COUNTED_UP_TO:
            return RowCount(rows=round(estimate), exact=False)
    counted = select(func.count()).select_from(table)
    mine = counted.where(table.c.source == source.name) if shared else counted
    return RowCount(rows=connection.execute(mine).scalar_one())
