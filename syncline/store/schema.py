"""The schema: Alembic migrations for the tables that Syncline ships, and tables of the user's own sources.

A table that no migration made (a source's own) is made in its present shape after the migrations ran; `revise` writes a
migration where a table and its class differ. Such a migration alters the table only where it is there: on a new
database the table is made later, and then has the new shape at once.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import render_op, renderers
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import ops
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, inspect, select
from sqlalchemy import func as sql
from sqlmodel import SQLModel

from syncline.errors import ConfigurationError, NewerDatabaseError, OlderDatabaseError, SchemaBehindError, StoreError
from syncline.model.items import Item, table_of
from syncline.store import known_tables, table_shape
from syncline.store.connections import without_limits
from syncline.store.engine import Store

__all__ = ["MIGRATIONS", "newest", "require_columns", "require_current", "revise", "upgrade"]

known_tables.load()
MIGRATIONS = Path(__file__).parent / "migrations"
"""The migrations that Syncline ships."""
_OLDEST = "0013"
_JOINED = frozenset(f"{number:04}" for number in range(1, int(_OLDEST)))
"""The revisions that became one, `_OLDEST`, before the first release."""
_OURS = "syncline."
"""The tables of classes below it are made by migrations; all others, when the program starts."""
_UPGRADE_LOCK = 0x5C11E
"""The number of PostgreSQL's advisory lock that an upgrade holds."""


def upgrade(store: Store, *, folder: Path = MIGRATIONS) -> tuple[str | None, str, list[str]]:
    """Bring the database to this program's schema, by the migrations in `folder`; several may try at once.

    Returns:
        The revision before (None: an empty database) and after, and the names of the tables made for sources. There are
        several revisions, comma separated, where migrations of the user's own stand beside Syncline's.

    Raises:
        NewerDatabaseError: the database was made by a newer Syncline.
        OlderDatabaseError: the database is older than the oldest migration.
    """
    with store.write() as connection:
        _wait_for_others(connection)
        before, heads = _revisions(connection), newest(folder)
        _refuse_unknown(before, folder)
        if before != heads:
            command.upgrade(_config(connection, folder), "heads")
        return _said(before) or None, _said(heads), _make_tables(connection)


def require_current(store: Store) -> None:
    """Do nothing where the database fits the program.

    Raises:
        SchemaBehindError: it lacks migrations.
        NewerDatabaseError: it was made by a newer Syncline.
        OlderDatabaseError: it is older than the oldest migration.
    """
    with store.read() as connection:
        _refuse_other(connection, MIGRATIONS)


def require_columns(store: Store, items: Iterable[type[Item]]) -> None:
    """Do nothing where the tables are as their classes declare: key, columns, types.

    Raises:
        SchemaBehindError: a class was changed, and its table is as before; says what to do.
    """
    with store.read() as connection:
        for table in map(table_of, items):
            for problem in table_shape.misfits(connection, table):
                raise SchemaBehindError(problem)


def revise(store: Store, message: str, *, folder: Path = MIGRATIONS) -> Path | None:
    """Write a migration to `folder` for what changed in the tables since the database was made.

    Tables that the program does not know are left alone: a source that was taken out keeps its rows.

    Returns:
        The file; None where nothing changed.

    Raises:
        SchemaBehindError: the database lacks migrations, so that it cannot be compared; or a primary key was changed.
        NewerDatabaseError: it was made by a newer Syncline.
        OlderDatabaseError: it is older than the oldest migration.
    """
    with store.write() as connection:
        _refuse_other(connection, folder)
        for table in SQLModel.metadata.sorted_tables:
            changed = table_shape.changed_key(connection, table)
            if changed is not None:
                raise SchemaBehindError(changed)
        config = _config(connection, folder)
        written: Any = command.revision(
            config,
            message=" ".join(message.split()),  # the docstring's one line
            autogenerate=True,
            head="heads",
            process_revision_directives=_prepared,
        )
    return Path(written.path) if written else None


def _wait_for_others(connection: Connection) -> None:
    """On PostgreSQL, migrate one after the other, however long it takes; SQLite's writer lock does so by itself."""
    without_limits(connection)
    if connection.dialect.name == "postgresql":
        connection.execute(select(sql.pg_advisory_xact_lock(_UPGRADE_LOCK)))


def _config(connection: Connection, folder: Path) -> Config:
    config = Config(attributes={"connection": connection}, cmd_opts=Namespace(quiet=True))
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def newest(folder: Path = MIGRATIONS) -> set[str]:
    """The newest migrations: one, or several where the user's own and Syncline's next one follow the same.

    All files are read and run for that, 10 CPU ms: once, until one of them is another one.
    """
    files = tuple(sorted((file.name, file.stat().st_mtime_ns) for file in (folder / "versions").glob("*.py")))
    return set(_newest(folder, files))


@lru_cache(maxsize=2)
def _newest(folder: Path, files: tuple[tuple[str, int], ...]) -> frozenset[str]:
    del files
    return frozenset(ScriptDirectory(str(folder)).get_heads())


def _revisions(connection: Connection) -> set[str]:
    return set(MigrationContext.configure(connection).get_current_heads())


def _said(found: set[str]) -> str:
    return ", ".join(sorted(found))


def _refuse_other(connection: Connection, folder: Path) -> None:
    found = _revisions(connection)
    if found != newest(folder):
        _refuse_unknown(found, folder)
        message = "the database lacks migrations: run `syncline db upgrade` (`syncline up` does it by itself)"
        raise SchemaBehindError(message)


def _refuse_unknown(found: set[str], folder: Path) -> None:
    for revision in sorted(found):
        try:
            ScriptDirectory(str(folder)).get_revision(revision)
        except CommandError:
            raise _unknown(revision) from None


def _unknown(revision: str) -> StoreError:
    if revision in _JOINED:
        return OlderDatabaseError(
            f"the database is at revision {revision}, and this Syncline upgrades from {_OLDEST} on: run `syncline db "
            f"upgrade` with a Syncline that still knows {revision}, which brings it to {_OLDEST}; or move the database "
            f"away and run `syncline db upgrade` for a new one, which the next runs fill"
        )
    return NewerDatabaseError(
        f"the database is at revision {revision}, which this Syncline does not know: upgrade the program"
    )


def _make_tables(connection: Connection) -> list[str]:
    there = set(inspect(connection).get_table_names())
    missing = [table for table in SQLModel.metadata.sorted_tables if table.name not in there]
    SQLModel.metadata.create_all(connection, tables=missing)
    return [table.name for table in missing]


class _WhereThere(ops.ModifyTableOps):
    """Changes to a table, where it is there."""


@renderers.dispatch_for(_WhereThere)
def _rendered(autogen: AutogenContext, change: _WhereThere) -> list[str]:
    """The lines of the change below a condition; an empty line ends a block."""
    plain = ops.ModifyTableOps(change.table_name, change.ops, schema=change.schema)
    return [f"if sa.inspect(op.get_bind()).has_table({change.table_name!r}):", *render_op(autogen, plain), ""]


def _prepared(context: object, revision: object, directives: list[Any]) -> None:
    """Alembic's `process_revision_directives`: nothing where nothing changed, else changes where their table is.

    Raises:
        ConfigurationError: the rows that are there would have nothing to put into a new column.
    """
    del context, revision
    script = directives[0]
    shipped = _shipped_tables()
    made_at_start = {change.table_name for change in script.upgrade_ops.ops if isinstance(change, ops.CreateTableOp)}
    made_at_start -= shipped
    for container in (script.upgrade_ops, script.downgrade_ops):
        container.ops[:] = [_guarded(change) for change in container.ops if change.table_name not in made_at_start]
    if script.upgrade_ops.is_empty():
        directives.clear()
        return
    _refuse_unfillable(script.upgrade_ops.ops, shipped)


def _shipped_tables() -> set[str]:
    """By what is declared, not by a list: a list once left the tables of contests out."""
    registry: Any = getattr(SQLModel, "_sa_registry")  # noqa: B009 - SQLModel has no other name for it
    return {one.local_table.name for one in registry.mappers if one.class_.__module__.startswith(_OURS)}


def _refuse_unfillable(changes: list[Any], shipped: set[str]) -> None:
    for change in changes:
        for part in change.ops if isinstance(change, ops.ModifyTableOps) and change.table_name not in shipped else ():
            if isinstance(part, ops.AddColumnOp) and not part.column.nullable and part.column.server_default is None:
                where = f"{change.table_name}.{part.column.name}"
                raise ConfigurationError(f"{where} is new, and empty in the rows that are there: write `| None = None`")


def _guarded(change: Any) -> Any:  # noqa: ANN401 - as above
    if isinstance(change, ops.ModifyTableOps):
        return _WhereThere(change.table_name, change.ops, schema=change.schema)
    return change
