"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import JSON, BigInteger, Integer, Numeric, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

_E = TypeVar("_E", bound=StrEnum)

__all__ = ["Amount", "BigInt", "Choice", "JsonColumn", "KeyText", "NumberText", "choice"]


class Amount(TypeDecorator[Decimal]):
    """A decimal number with a fixed number of places, such as a price.

    PostgreSQL keeps it as NUMERIC. SQLite has no decimals: its NUMERIC column keeps up to 15 significant digits, which
    are given back exactly; more than 15 digits are refused where the type is made (`NumberText` keeps any number).
    """

    impl = Numeric
    cache_ok = True

    def __init__(self, digits: int = 15, places: int = 2) -> None:
        """Keep `digits` (at most 15) in all, `places` of them behind the point."""
        if not 0 <= places <= digits <= 15:  # noqa: PLR2004 - what a double keeps exactly
            message = "Amount keeps at most 15 digits"
            raise ValueError(message)
        super().__init__(digits, places)
        self.digits, self.places = digits, places
        self._unit = Decimal(1).scaleb(-places)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """NUMERIC, read as a float where the database has no decimals."""
        plain: TypeEngine[Any] = Numeric(self.digits, self.places, asdecimal=dialect.name != "sqlite")
        return plain

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | float | None:
        """The value as the driver takes it."""
        return float(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Decimal | float | None, dialect: Dialect) -> Decimal | None:
        """The value with its places."""
        del dialect
        return None if value is None else Decimal(str(value)).quantize(self._unit)


JsonColumn = JSON().with_variant(JSONB(), "postgresql")
"""A nested part of an item; queryable JSON on both databases."""

BigInt = BigInteger().with_variant(Integer(), "sqlite")
"""A whole number of up to 64 bits; as a key, SQLite's own row id."""

KeyText = String().with_variant(String(collation="C"), "postgresql")
"""A text key, ordered by code point on both databases, as Python orders text."""


class NumberText(TypeDecorator[str]):
    """A number of any length, kept as the text that the upstream wrote, digit for digit.

    For what no column of numbers holds exactly on both databases: whole numbers of more than 64 bits (token amounts,
    random ids), decimals of more than 15 digits. Text is taken as well, as some APIs write such numbers in quotes. It
    is ordered by code point, as `KeyText` is, and may be a key; SQL calculates with `CAST(amount AS NUMERIC)`.
    """

    impl = String
    cache_ok = True

    @property
    def python_type(self) -> type[str]:
        """Text."""
        return str

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text, ordered by code point on both databases."""
        plain: TypeEngine[Any] = String(collation="C") if dialect.name == "postgresql" else String()
        return plain


class Choice(TypeDecorator[_E]):
    """One of the values of an enum, kept as its text.

    A text that is none of them, as a database of a newer version or a damaged row has it, is read as a value of its
    own: an instance of the enum with that text, which no `case` matches (see `unheard_of`). Refusing it would hide all
    other rows of the answer too.
    """

    impl = String
    cache_ok = True

    def __init__(self, values: type[_E]) -> None:
        """Keep one of `values`."""
        super().__init__(16)
        self.values = values

    @property
    def python_type(self) -> type[_E]:
        """The enum."""
        return self.values

    def process_bind_param(self, value: _E | str | None, dialect: Dialect) -> str | None:
        """The text; one that is no value is refused before it is written.

        Raises:
            ValueError: it is none of the values.
        """
        del dialect
        if value is None or isinstance(value, self.values):
            return None if value is None else str(value.value)
        return str(self.values(value).value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> _E | None:
        """The value; one of its own where the enum has none with this text."""
        del dialect
        return None if value is None else _value(self.values, value)


def choice(values: type[_E]) -> Choice[_E]:
    """A column that holds one of `values`, as its lower-case text."""
    return Choice(values)


def _value(values: type[_E], text: str) -> _E:
    known = values._value2member_map_.get(text)
    if isinstance(known, values):
        return known
    foreign = str.__new__(values, text)
    foreign._name_, foreign._value_ = text, text
    return foreign
