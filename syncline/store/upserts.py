"""Insert or update in one statement, on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Mapping

    from syncline.model.row import Row

__all__ = ["upsert"]


def upsert(connection: Connection, table: type[Row], key: Mapping[str, object], values: Mapping[str, object]) -> None:
    """Write `values` to the row with this primary `key`, which is made where there is none."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(table).values(**key, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=dict(values)))
