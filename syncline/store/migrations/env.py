"""Alembic's entry: runs the migrations on the connection that `syncline.store.schema` hands over."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import JSON, Enum, TypeDecorator
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel


def _render_item(kind: str, value: object, autogen: AutogenContext) -> str | Literal[False]:
    """Write our column types as the plain ones below them: a migration outlives the classes of its day."""
    if kind != "type":
        return False
    if isinstance(value, JSON):
        autogen.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    if isinstance(value, Enum):
        return f"sa.String(length={value.length})"
    if isinstance(value, TypeDecorator):
        plain: TypeEngine[Any] = value.impl_instance
        return f"sa.{plain!r}"
    return False


def _is_ours(thing: object, name: str | None, kind: str, reflected: bool, compared: object) -> bool:  # noqa: FBT001 - alembic's protocol
    """Leave out tables that no class declares: a source that was taken out keeps its rows."""
    del thing, name
    return not (kind == "table" and reflected and compared is None)


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    render_item=_render_item,
    compare_type=True,
    include_object=_is_ours,
)
with context.begin_transaction():
    context.run_migrations()
