"""Insert or update in one statement, on both databases."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Connection, TextClause, bindparam, text

from syncline.model.row import Row

__all__ = ["upsert"]


def upsert(connection: Connection, table: type[Row], key: Mapping[str, object], values: Mapping[str, object]) -> None:
    """Write `values` to the row with this primary `key`, which is made where there is none.

    `values` say all that a new row has: a column that has a default in its class gets none.
    """
    hashable: Any = table
    connection.execute(_statement(hashable, tuple(key), tuple(values)), {**key, **values})


@cache
def _statement(table: type[Row], key: tuple[str, ...], values: tuple[str, ...]) -> TextClause:
    """Text, which SQLAlchemy compiles once: an `on_conflict_do_update` of its own it compiles at each execution."""
    columns: Any = getattr(table, "__table__").columns  # noqa: B009 - SQLModel declares it on tables only
    names = [*key, *values]
    statement = text(
        f'INSERT INTO "{table.__tablename__}" ({", ".join(map(_quoted, names))}) '
        f"VALUES ({', '.join(f':{name}' for name in names)}) ON CONFLICT ({', '.join(map(_quoted, key))}) "
        f"DO UPDATE SET {', '.join(f'{_quoted(name)} = excluded.{_quoted(name)}' for name in values)}"
    )
    typed: list[BindParameter[Any]] = [bindparam(name, type_=columns[name].type) for name in names]
    return statement.bindparams(*typed)


def _quoted(name: str) -> str:
    return f'"{name}"'
