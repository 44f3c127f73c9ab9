"""What a shop's ERP knows: products and customers."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlmodel import Field

from syncline.model.columns import Amount, BigInt, JsonColumn, KeyText
from syncline.model.items import Item

__all__ = ["Customer", "Product"]


class Product(Item, table=True):
    """An article that the shop sells."""

    __tablename__ = "products"

    id: int = Field(primary_key=True, sa_type=BigInt, sa_column_kwargs={"autoincrement": False})
    sku: str = Field(min_length=1, max_length=64, index=True)
    name: str
    description: str | None = None
    category: str | None = None
    brand: str | None = None
    price: Decimal = Field(ge=0, sa_type=Amount)
    currency: str = Field(min_length=3, max_length=3)
    stock: int = Field(default=0, ge=0)
    ean: str | None = Field(default=None, max_length=14)
    weight_grams: int | None = Field(default=None, ge=0)
    active: bool = True
    tags: Any = Field(default=None, sa_type=JsonColumn, nullable=True)
    dimensions: Any = Field(default=None, sa_type=JsonColumn, nullable=True)
    created_at: datetime
    updated_at: datetime


class Customer(Item, table=True):
    """A customer of the shop."""

    __tablename__ = "customers"

    id: str = Field(primary_key=True, sa_type=KeyText)
    number: int | None = None
    company: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = Field(default=None, index=True)
    phone: str | None = None
    vat_id: str | None = None
    street: str | None = None
    city: str | None = None
    postal_code: str | None = None
    country: str | None = Field(default=None, min_length=2, max_length=2)
    credit_limit: Decimal | None = Field(default=None, ge=0, sa_type=Amount)
    active: bool = True
    created_at: datetime
    updated_at: datetime
