"""What `syncline db revision` writes: changes to a table, made only where the table is there.

On a new database the table of a user's own source is made after the migrations, and then has its present shape at once.
"""

from __future__ import annotations

from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import render_op, renderers
from alembic.operations import ops

__all__ = ["prepared"]


class _WhereThere(ops.ModifyTableOps):
    """Changes to a table, where it is there."""


@renderers.dispatch_for(_WhereThere)
def _rendered(autogen: AutogenContext, change: _WhereThere) -> list[str]:
    """The lines of the change below a condition; an empty line ends a block."""
    plain = ops.ModifyTableOps(change.table_name, change.ops, schema=change.schema)
    return [f"if sa.inspect(op.get_bind()).has_table({change.table_name!r}):", *render_op(autogen, plain), ""]


def prepared(context: object, revision: object, directives: list[Any]) -> None:
    """Alembic's `process_revision_directives`: nothing where nothing changed, else changes where their table is."""
    del context, revision
    script = directives[0]
    if script.upgrade_ops.is_empty():
        directives.clear()
        return
    for container in (script.upgrade_ops, script.downgrade_ops):
        container.ops[:] = [_guarded(change) for change in container.ops]


def _guarded(change: Any) -> Any:  # noqa: ANN401 - one of alembic's operations
    if isinstance(change, ops.ModifyTableOps):
        return _WhereThere(change.table_name, change.ops, schema=change.schema)
    return change
