"""Statements that are written once for both databases, executed with little ado: for what each job pays for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

__all__ = ["as_json", "execute", "instant", "is_postgresql", "many", "pairs"]


def is_postgresql(connection: Connection) -> bool:
    """Whether it speaks to PostgreSQL."""
    return connection.dialect.name == "postgresql"


def execute(connection: Connection, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """The rows that `statement` returns, none where it returns none; parameters stand as `?` on both databases."""
    if is_postgresql(connection):
        statement = _for_psycopg(statement)
    done = connection.exec_driver_sql(statement, tuple(parameters))
    return [tuple(row) for row in done.fetchall()] if done.returns_rows else []


def many(connection: Connection, statement: str, rows: Sequence[Sequence[object]]) -> int:
    """Execute `statement` once for each of `rows`; returns how many rows of the table it changed in all."""
    if not rows:
        return 0
    statement = _for_psycopg(statement) if is_postgresql(connection) else statement
    return connection.exec_driver_sql(statement, [tuple(row) for row in rows]).rowcount


def pairs(rows: Sequence[tuple[int, int]]) -> tuple[str, list[int]]:
    """A list of pairs of numbers as SQL for `(a, b) IN …`, and its parameters."""
    return f"(VALUES {', '.join(['(?, ?)'] * len(rows))})", [number for row in rows for number in row]


def as_json(connection: Connection) -> str:
    """The placeholder of a parameter that is JSON text."""
    return "CAST(? AS JSON)" if is_postgresql(connection) else "?"


def instant(connection: Connection, at: datetime | None) -> object:
    """An instant, aware and in UTC, as the driver takes it: on SQLite the text that SQLAlchemy writes."""
    return at if at is None or is_postgresql(connection) else at.strftime("%Y-%m-%d %H:%M:%S.%f")


@lru_cache(maxsize=512)
def _for_psycopg(statement: str) -> str:
    return statement.replace("%", "%%").replace("?", "%s")
