"""Guesses a table's columns from items: names, types, the key, and the field that tells of changes."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from keyword import iskeyword

import msgspec

from syncline.model.items import BOOKKEEPING, PARTITIONS, Item
from syncline.probe.guess import ColumnGuess, ColumnType

__all__ = ["guess_columns", "guess_key", "guess_updated", "is_unique"]

Rows = Sequence[Mapping[str, object]]
_KEYS = ("id", "uuid", "guid", "_id", "key", "pk", "sku", "slug", "code", "number", "ref", "handle", "symbol", "name")
_UPDATED = (
    "modifiedgmt", "updatedgmt",  # in UTC, where a local time of the same name stands beside it
    "updatedat", "updated", "lastupdated", "lastupdatedat", "updatedon", "updatetime", "dateupdated", "lastupdate",
    "modifiedat", "modified", "lastmodified", "lastmodifiedat", "lastmodifieddatetime", "lastmodifieddate",
    "modifiedon", "modifieddate", "datemodified", "modificationdate", "changedat", "changed", "lastchanged",
)  # fmt: skip
_MONEY = re.compile(r"price|amount|cost|balance|fee|tax|credit|debit|salary|revenue|subtotal|budget", re.IGNORECASE)
_MONEY_PLACES = 2
_NO_NAME = "field"
"""What a field is called of whose name nothing is left."""
_PYDANTICS = ("model_dump", "model_validate")
"""How a name must not begin: pydantic warns of it, at each start."""
_AMOUNT_LIMIT = 10**13
"""15 digits, two of them after the point."""
_FLOAT_LIMIT = Decimal("1e300")
_BITS_64 = 1 << 63
_BITS_32 = 1 << 31


def guess_columns(rows: Rows) -> tuple[ColumnGuess, ...]:
    """A column for each field that any of `rows` has; numbers with a point are to be `Decimal`s."""
    fields = dict.fromkeys(name for row in rows for name in row)
    taken: set[str] = set()
    return tuple(_column(name, [row.get(name) for row in rows], taken) for name in fields)


def guess_key(columns: Sequence[ColumnGuess], rows: Rows) -> ColumnGuess | None:
    """The column that tells items apart: never null, never twice; the customary names first."""
    able = [column for column in columns if column.type in {"int", "str"} and is_unique(column, rows)]
    by_name = {_plain(column): column for column in reversed(able)}
    named = next((by_name[name] for name in map(_bare, _KEYS) if name in by_name), None)
    return named or next((column for column in able if re.search(r"(id|Id|ID|key|code)$", column.field)), None)


def guess_updated(columns: Sequence[ColumnGuess]) -> ColumnGuess | None:
    """The column that says when an item changed last."""
    instants = {_plain(column): column for column in columns if column.type == "datetime" and not column.nullable}
    return next((instants[name] for name in _UPDATED if name in instants), None)


def _column(field: str, values: list[object], taken: set[str]) -> ColumnGuess:
    name = _identifier(field, taken)
    taken.add(name.lower())
    present = [value for value in values if value is not None]
    kind = _type(field, present)
    return ColumnGuess(
        name=name,
        alias=None if name == field else field,
        type=kind,
        nullable=len(present) < len(values),
        places=_MONEY_PLACES if kind == "Decimal" else 0,
        long=kind == "str" and not all(isinstance(value, str) for value in present),
        large=kind == "int" and any(isinstance(value, int) and not -_BITS_32 <= value < _BITS_32 for value in present),
    )


def _identifier(field: str, taken: set[str]) -> str:
    """A name that Python, the table and the other columns allow; SQL does not tell cases apart."""
    name = re.sub(r"\W+", "_", field, flags=re.ASCII).strip("_") or _NO_NAME
    name = f"{_NO_NAME}_{name}" if name[0].isdigit() or name.startswith(_PYDANTICS) else name
    reserved = iskeyword(name) or name in BOOKKEEPING or name in PARTITIONS
    if reserved or hasattr(Item, name) or name.startswith("model_") or name in {"metadata", "registry"}:
        name += "_"
    wanted, number = name, 2
    while name.lower() in taken:
        name, number = f"{wanted.rstrip('_')}_{number}", number + 1
    return name


def _type(field: str, values: list[object]) -> ColumnType:
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return "bool"
    if kinds == {int}:
        return "int" if all(isinstance(v, int) and -_BITS_64 <= v < _BITS_64 for v in values) else "str"
    if kinds and kinds <= {int, Decimal}:
        if _MONEY.search(field) and all(map(_is_money, values)):
            return "Decimal" if all(map(_fits_amount, values)) else "str"
        return "float" if all(map(_is_exact_float, values)) else "str"
    if kinds == {str}:
        return _text_type(values)
    return "Any"


def _text_type(values: list[object]) -> ColumnType:
    if all(_reads_as(value, datetime) for value in values):
        return "datetime"
    return "date" if all(_reads_as(value, date) for value in values) else "str"


def _reads_as(value: object, kind: type) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _is_money(value: object) -> bool:
    exponent = value.as_tuple().exponent if isinstance(value, Decimal) else 0
    return isinstance(exponent, int) and -_MONEY_PLACES <= exponent <= 0


def _fits_amount(value: object) -> bool:
    """Whether an `Amount` of two places holds it exactly on both databases."""
    return isinstance(value, int | Decimal) and abs(value) < _AMOUNT_LIMIT


def _is_exact_float(value: object) -> bool:
    """Whether a double gives it back digit for digit; more digits than that would be lost without a word."""
    return isinstance(value, int | Decimal) and abs(value) < _FLOAT_LIMIT and Decimal(repr(float(value))) == value


def is_unique(column: ColumnGuess, rows: Rows) -> bool:
    """Whether each of `rows` has a number or a text of its own there."""
    values = [row.get(column.field) for row in rows]
    if any(not isinstance(value, int | str) or isinstance(value, bool) or value == "" for value in values):
        return False
    return len({str(value) for value in values}) == len(values)


def _plain(column: ColumnGuess) -> str:
    return _bare(column.field)


def _bare(name: str) -> str:
    return re.sub(r"[_\- ]", "", name).lower()
