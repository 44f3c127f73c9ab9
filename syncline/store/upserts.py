"""Insert or update in one statement, on both databases."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.dialects import postgresql, sqlite

from syncline.model.row import Row

__all__ = ["upsert"]


def upsert(connection: Connection, table: type[Row], key: Mapping[str, object], values: Mapping[str, object]) -> None:
    """Write `values` to the row with this primary `key`, which is made where there is none."""
    hashable: Any = table
    statement = _statement(connection.dialect.name, hashable, tuple(key), tuple(values))
    connection.execute(statement, {**key, **values})


@cache
def _statement(dialect: str, table: type[Row], key: tuple[str, ...], values: tuple[str, ...]) -> Executable:
    """Built once: each page's transaction executes some of these."""
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = make(table)
    return statement.on_conflict_do_update(index_elements=key, set_={name: statement.excluded[name] for name in values})
