from decimal import Decimal
from random import Random
from typing import Any

import msgspec

from sandbox.erp.rows import Breakage, Kind, Row, money
from sandbox.erp.words import BRANDS, CATEGORIES, FINISHES, MATERIALS, TAGS, THINGS

CURRENCY = "EUR"


class Dimensions(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Outer size in millimetres."""

    width: int
    height: int
    depth: int


class Product(Row, frozen=True, kw_only=True, gc=False):
    """An article for sale."""

    id: int
    sku: str
    name: str
    description: str
    category: str
    brand: str
    price: Decimal
    currency: str
    stock: int
    ean: str
    weight_grams: int
    active: bool
    tags: list[str]
    dimensions: Dimensions


def make_product(dice: Random, serial: int, created_at: str, updated_at: str) -> Product:
    """A product that has been nowhere else."""
    name = f"{dice.choice(MATERIALS).capitalize()} {dice.choice(THINGS)}"
    category = dice.choice(CATEGORIES)
    return Product(
        id=serial,
        sku=f"{category[:3].upper()}-{serial:07d}",
        name=name,
        description=f"{name}, {dice.choice(FINISHES)}",
        category=category,
        brand=dice.choice(BRANDS),
        price=money(dice.randrange(199, 99_999)),
        currency=CURRENCY,
        stock=dice.randrange(500),
        ean=ean13(f"40{serial:010d}"),
        weight_grams=dice.randrange(20, 25_000),
        active=dice.random() < 0.9,  # noqa: PLR2004 - one in ten is not sold at present
        tags=dice.sample(TAGS, dice.randrange(4)),
        dimensions=_dimensions(dice),
        created_at=created_at,
        updated_at=updated_at,
    )


def ean13(digits: str) -> str:
    """Twelve digits with their check digit (GS1 General Specifications, section 7.9)."""
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-weighted % 10}"


def _dimensions(dice: Random) -> Dimensions:
    return Dimensions(width=dice.randrange(20, 2000), height=dice.randrange(20, 2000), depth=dice.randrange(5, 900))


def _alter(dice: Random, product: Product) -> dict[str, Any]:
    changes: dict[str, Any] = {"stock": (product.stock + dice.randrange(1, 100)) % 500}
    if dice.randrange(2):
        changes["price"] = money(dice.randrange(199, 99_999))
    if not dice.randrange(5):
        changes["description"] = f"{product.name}, {dice.choice(FINISHES)}"
    return changes


_BREAKAGES: dict[str, Breakage] = {
    "price_is_text": lambda row: row.update(price=f"{row['price']:.2f} EUR".replace(".", ",")),
    "sku_missing": lambda row: row.pop("sku"),
    "id_is_null": lambda row: row.update(id=None),
    "stock_is_negative": lambda row: row.update(stock=-1 - row["stock"]),
    "name_is_number": lambda row: row.update(name=row["id"]),
    "updated_at_is_no_time": lambda row: row.update(updated_at="yesterday"),
}

PRODUCTS = Kind(name="products", row=Product, key_format="", make=make_product, alter=_alter, breakages=_BREAKAGES)
