"""Whether a table is as its class declares it, as far as that matters to what is stored in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, Table, inspect

__all__ = ["changed_key", "misfits"]

_REVISE = 'run `syncline db revision -m "WHAT CHANGED"`, look the file over, then `syncline db upgrade`'


def misfits(connection: Connection, table: Table) -> Iterator[str]:
    """What of `table` the database has otherwise, and what to do, the worst first."""
    if not inspect(connection).has_table(table.name):
        yield f"the table {table.name} is missing: run `syncline db upgrade`, which makes it"
        return
    there = Table(table.name, MetaData(), autoload_with=connection, resolve_fks=False)
    changed = _changed_key(there, table)
    if changed is not None:
        yield changed
    for problem in _other_columns(connection, there, table):
        yield f"the table {table.name} {problem}: {_REVISE}"


def changed_key(connection: Connection, table: Table) -> str | None:
    """Why no migration is written where a class has another primary key than its table; None where it has the same."""
    if not inspect(connection).has_table(table.name):
        return None
    return _changed_key(Table(table.name, MetaData(), autoload_with=connection, resolve_fks=False), table)


def _changed_key(there: Table, declared: Table) -> str | None:
    """Rows that have one key cannot be given another: which of two that are the same then would stay?"""
    before, after = (tuple(sorted(one.primary_key.columns.keys())) for one in (there, declared))
    if before == after:
        return None
    name = declared.name
    return (
        f"the table {name} has the primary key {_listed(before)}, but its class declares {_listed(after)}, which no "
        f"migration can change while there are rows: give the class another `__tablename__`, which makes a new table "
        f"that the next run fills; or, if its rows may go, `DROP TABLE {name}` and run `syncline db upgrade`; or "
        f"declare the key as it was"
    )


def _listed(names: tuple[str, ...]) -> str:
    return f"({', '.join(names)})"


def _other_columns(connection: Connection, there: Table, declared: Table) -> Iterator[str]:
    """Columns that lack, have another type, or refuse what the class may leave empty; others may stand beside them."""
    alembic: Any = MigrationContext.configure(connection).impl  # typed by parts
    for column in declared.columns:
        known = there.columns.get(column.name)
        if known is None:
            yield f"lacks the column {column.name}"
        elif alembic.compare_type(known, column):
            yield f"has the column {column.name} as {known.type}, but its class declares another type"
        elif column.nullable and not known.nullable:
            yield f"refuses an empty {column.name}, which its class allows"
    for column in there.columns:
        if column.name not in declared.columns and not column.nullable:
            yield f"still needs the column {column.name}"
