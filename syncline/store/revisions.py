"""What `syncline db revision` writes: changes to a table, made only where the table is there.

On a new database the table of a user's own source is made after the migrations, and then has its present shape at once.
"""

from __future__ import annotations

from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import render_op, renderers
from alembic.operations import ops
from sqlmodel import SQLModel

from syncline.errors import ConfigurationError

__all__ = ["prepared"]

_OURS = "syncline."
"""The tables of classes below it are made by migrations; all others, when the program starts."""


class _WhereThere(ops.ModifyTableOps):
    """Changes to a table, where it is there."""


@renderers.dispatch_for(_WhereThere)
def _rendered(autogen: AutogenContext, change: _WhereThere) -> list[str]:
    """The lines of the change below a condition; an empty line ends a block."""
    plain = ops.ModifyTableOps(change.table_name, change.ops, schema=change.schema)
    return [f"if sa.inspect(op.get_bind()).has_table({change.table_name!r}):", *render_op(autogen, plain), ""]


def prepared(context: object, revision: object, directives: list[Any]) -> None:
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
