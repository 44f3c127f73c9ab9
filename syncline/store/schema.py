"""The schema: Alembic migrations for the tables that Syncline ships, and tables of the user's own sources.

A table that no migration made (a source's own) is made in its present shape after the migrations ran; `revise` writes a
migration where a table and its class differ. Such a migration alters the table only where it is there: on a new
database the table is made later, and then has the new shape at once.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import inspect
from sqlmodel import SQLModel

from syncline.errors import NewerDatabaseError, SchemaBehindError
from syncline.model import erp, records, session

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from syncline.store.engine import Store

__all__ = ["require_current", "revise", "upgrade"]

_SHIPPED = (erp, records, session)
"""Importing them registers their tables."""
_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(store: Store) -> tuple[str | None, str, list[str]]:
    """Bring the database to this program's schema.

    Returns:
        The revision before (None: an empty database) and after, and the names of the tables made for sources.

    Raises:
        NewerDatabaseError: the database was made by a newer Syncline.
    """
    with store.write() as connection:
        before = _revision(connection)
        head = _head()
        _refuse_newer(before)
        if before != head:
            command.upgrade(_config(connection), "head")
        return before, head, _make_tables(connection)


def require_current(store: Store) -> None:
    """Do nothing where the database fits the program.

    Raises:
        SchemaBehindError: it lacks migrations.
        NewerDatabaseError: it was made by a newer Syncline.
    """
    with store.read() as connection:
        revision = _revision(connection)
        _refuse_newer(revision)
        if revision != _head():
            message = "the database lacks migrations: run `syncline db upgrade` (`syncline up` does it by itself)"
            raise SchemaBehindError(message)


def revise(store: Store, message: str) -> Path | None:
    """Write a migration for what changed in the tables since the database was made; None where nothing did."""
    with store.write() as connection:
        config = _config(connection)
        written: Any = command.revision(
            config, message=message, autogenerate=True, process_revision_directives=_drop_empty
        )
    return Path(written.path) if written else None


def _drop_empty(context: object, revision: object, directives: list[Any]) -> None:
    """Write nothing where nothing changed."""
    del context, revision
    if directives[0].upgrade_ops.is_empty():
        directives.clear()


def _config(connection: Connection) -> Config:
    config = Config(attributes={"connection": connection}, cmd_opts=Namespace(quiet=True))
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(_MIGRATIONS))


def _head() -> str:
    head = _scripts().get_current_head()
    assert head is not None, "the program ships migrations"
    return head


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(revision: str | None) -> None:
    if revision is None:
        return
    try:
        _scripts().get_revision(revision)
    except CommandError:
        message = f"the database is at revision {revision}, which this Syncline does not know: upgrade the program"
        raise NewerDatabaseError(message) from None


def _make_tables(connection: Connection) -> list[str]:
    there = set(inspect(connection).get_table_names())
    missing = [table for table in SQLModel.metadata.sorted_tables if table.name not in there]
    SQLModel.metadata.create_all(connection, tables=missing)
    return [table.name for table in missing]
