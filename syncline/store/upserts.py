"""Insert or update in one statement, on both databases."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Connection, TextClause, bindparam, text

from syncline.model.row import Row

__all__ = ["upsert"]


def upsert(connection: Connection, table: type[Row], key: Mapping[str, object], values: Mapping[str, object]) -> None:
    """Write `values` to the row with this primary `key`, which is made where there is none."""
    hashable: Any = table
    statement, defaults = _statement(hashable, tuple(key), tuple(values))
    connection.execute(statement, {**defaults, **key, **values})


@cache
def _statement(
    table: type[Row], key: tuple[str, ...], values: tuple[str, ...]
) -> tuple[TextClause, Mapping[str, object]]:
    """The statement, and what the class says of a new row's other columns.

    Text, which SQLAlchemy compiles once: an `on_conflict_do_update` of its own it compiles at each execution.
    """
    columns: Any = getattr(table, "__table__").columns  # noqa: B009 - SQLModel declares it on tables only
    others = [one for one in columns if one.default is not None and one.name not in {*key, *values}]
    names = [*key, *values, *(one.name for one in others)]
    statement = text(
        f"INSERT INTO {table.__tablename__} ({', '.join(map(_quoted, names))}) "
        f"VALUES ({', '.join(f':{name}' for name in names)}) ON CONFLICT ({', '.join(map(_quoted, key))}) "
        f"DO UPDATE SET {', '.join(f'{_quoted(name)} = excluded.{_quoted(name)}' for name in values)}"
    )
    typed: list[BindParameter[Any]] = [bindparam(name, type_=columns[name].type) for name in names]
    return statement.bindparams(*typed), {one.name: one.default.arg for one in others}


def _quoted(name: str) -> str:
    return f'"{name}"'
