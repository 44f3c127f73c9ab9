"""A shop's products, as its API would send them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import msgspec

__all__ = ["OPENED", "Row", "product", "products", "raw"]

Row: TypeAlias = dict[str, Any]

OPENED = datetime(2026, 1, 1, tzinfo=UTC)
"""When the first products were made."""


def product(number: int, **changes: object) -> Row:
    """A product that fits the table `products`; `changes` replace its fields."""
    return {
        "id": number,
        "sku": f"SKU-{number}",
        "name": f"Product {number}",
        "price": f"{number}.50",
        "currency": "EUR",
        "stock": number % 7,
        "tags": ["new", "größe"],
        "created_at": OPENED,
        "updated_at": OPENED,
        **changes,
    }


def products(numbers: Iterable[int], **changes: object) -> list[Row]:
    """Products with these numbers."""
    return [product(number, **changes) for number in numbers]


def raw(row: Row) -> bytes:
    """The row as JSON."""
    return msgspec.json.encode(row)
