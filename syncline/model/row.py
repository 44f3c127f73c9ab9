"""The base of all tables."""

from typing import TYPE_CHECKING, ClassVar

from sqlmodel import SQLModel

__all__ = ["Row"]


class Row(SQLModel):
    """A row of a table; a subclass with `table=True` names it."""

    if TYPE_CHECKING:
        __tablename__: ClassVar[str]  # pyright: ignore[reportIncompatibleVariableOverride] - SQLModel's own also takes a function
