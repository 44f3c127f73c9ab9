"""Items: the rows that are kept in step, and what every table of them has in common."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import Column, LargeBinary, Table, UniqueConstraint
from sqlalchemy.orm import declared_attr
from sqlmodel.sql.sqltypes import UTCDateTime

from syncline.errors import ConfigurationError
from syncline.model.columns import choice
from syncline.model.row import Row

__all__ = [
    "BOOKKEEPING",
    "PARTITIONS",
    "STATUS",
    "Item",
    "ItemStatus",
    "ModeratedItem",
    "key_column",
    "partition_columns",
    "refuse_unique",
    "table_of",
]

BOOKKEEPING = ("raw_fingerprint", "fingerprint", "synced_at")
"""Columns that Syncline keeps in each table of items, behind the item's own.

`raw_fingerprint`: xxh3-128 of the item as it came over the wire; the same again means unchanged, without decoding.
`fingerprint`: xxh3-128 of the stored columns; tells a real change from keys in another order.
`synced_at`: when the row was last written.
"""

PARTITIONS = ("source", "account_id")
"""Key columns with these names share a table among sources or accounts; Syncline fills them in."""

STATUS = "status"
"""The column in which a moderated item's decision stands; ours, never the upstream's."""


class ItemStatus(StrEnum):
    """What was decided of an item that people look at before it is shown."""

    PENDING = "pending"
    """It waits for a decision."""
    LIVE = "live"
    """It is shown."""
    REJECTED = "rejected"
    """It is not shown."""


class Item(Row):
    """Base of the tables that hold items.

    A subclass with `table=True` names the item's fields as the upstream's JSON does (or gives `Field(alias=…)`), with
    types and bounds; one field is the primary key. Items that do not fit are rejected with the reason, one by one.

    Attributes:
        rest: the column that keeps whatever of an item no other column holds, as a JSON object; "": nothing does.
    """

    rest: ClassVar[str] = ""

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805 - a class-level attribute, by SQLAlchemy's protocol
        """The bookkeeping columns; a subclass that needs arguments of its own adds to these."""
        return (
            Column("raw_fingerprint", LargeBinary(16), nullable=False),
            Column("fingerprint", LargeBinary(16), nullable=False),
            Column("synced_at", UTCDateTime(), nullable=False),
        )


class ModeratedItem(Item):
    """Base of the tables whose items somebody decides on.

    A new item gets its source's first status. One that changed stays live where it was and its source is not moderated;
    else it waits for a decision (again). One that is unchanged keeps what it has.
    """

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805 - as above
        """The status before the bookkeeping columns."""
        return (Column(STATUS, choice(ItemStatus), nullable=False), *super().__table_args__)


def refuse_unique(item: type[Item]) -> None:
    """The table must not have a unique column besides its key: two items may have the same value for a moment.

    Raises:
        ConfigurationError: it has one; says what to write instead.
    """
    table = table_of(item)
    constrained = [one for one in table.constraints if isinstance(one, UniqueConstraint)]
    indexed = [one for one in table.indexes if one.unique]
    for one in (*constrained, *indexed):
        names = ", ".join(column.name for column in one.columns)
        raise ConfigurationError(
            f"table {table.name!r}: {names} must not be unique, because items come in any order, and one that doubles "
            "would end the pass: write index=True in place of unique=True"
        )


def table_of(item: type[Row]) -> Table:
    """The SQLAlchemy table of `item`."""
    table: Table = getattr(item, "__table__")  # noqa: B009 - SQLModel declares it on tables only
    return table


def partition_columns(item: type[Item]) -> tuple[str, ...]:
    """The key columns that tell sources or accounts apart which share the table."""
    return tuple(column.name for column in table_of(item).primary_key if column.name in PARTITIONS)


def key_column(item: type[Item]) -> str:
    """The column that tells items of one source and account apart.

    Raises:
        ConfigurationError: the table has no such column, or several.
    """
    names = [column.name for column in table_of(item).primary_key if column.name not in PARTITIONS]
    if len(names) != 1:
        table = table_of(item).name
        raise ConfigurationError(f"table {table!r} needs one primary key column besides {PARTITIONS}, but has {names}")
    return names[0]
