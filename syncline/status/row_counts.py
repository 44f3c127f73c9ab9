"""How many rows a source's table has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, inspect, select, text

if TYPE_CHECKING:
    from syncline.model.items import Item

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


def count_rows(connection: Connection, table: type[Item]) -> RowCount:
    """The rows of `table`: counted, or PostgreSQL's estimate where there are many; none where it is not made yet."""
    if not inspect(connection).has_table(table.__tablename__):
        return RowCount(rows=0)
    if connection.dialect.name == "postgresql":
        quoted = connection.dialect.identifier_preparer.quote(table.__tablename__)
        estimate = connection.execute(_ESTIMATE, {"name": quoted}).scalar()
        if estimate is not None and estimate > _COUNTED_UP_TO:
            return RowCount(rows=round(estimate), exact=False)
    return RowCount(rows=connection.execute(select(func.count()).select_from(table)).scalar_one())
