"""Tables of items with all kinds of columns, one with its own key and one shared among sources and accounts."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlmodel import Field

from syncline.model.columns import Amount, BigInt, JsonColumn, KeyText
from syncline.model.items import Item

__all__ = ["Box", "Parcel"]


class Box(Item, table=True):
    """One of each type."""

    __tablename__ = "test_boxes"

    id: int = Field(primary_key=True, sa_type=BigInt, sa_column_kwargs={"autoincrement": False})
    label: str | None = None
    count: int = 0
    weight: float | None = None
    price: Decimal | None = Field(default=None, sa_type=Amount)
    full: bool = False
    packed_on: date | None = None
    packed_at: datetime | None = None
    parts: Any = Field(default=None, sa_type=JsonColumn, nullable=True)


class Parcel(Item, table=True):
    """A table that many sources and accounts share."""

    __tablename__ = "test_parcels"

    source: str = Field(primary_key=True)
    account_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True, sa_type=KeyText)
    label: str | None = None
