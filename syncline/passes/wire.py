"""How a table's fields look on the wire: the types and bounds that msgspec checks, and what it leaves to us."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from sqlalchemy import JSON, BigInteger

from syncline.errors import ConfigurationError
from syncline.local_time import from_local
from syncline.model.columns import Amount, NumberText
from syncline.model.items import BOOKKEEPING, Item, key_column, table_of
from syncline.model.places import Paths, path_of
from syncline.passes.wire_struct import REQUIRED, WireField

__all__ = ["finishers", "wire_field"]

_NUMBER_BEGINS = frozenset(bytes([byte]) for byte in b"-0123456789")
_SCALARS = (bool, int, float, Decimal, str, datetime, date)


def _annotation(item: type[Item], name: str) -> tuple[Any, bool]:
    """The field's type without None, and whether None is allowed."""
    hashable: Any = item
    hint = _hints(hashable)[name]
    if hint is Any:
        return Any, bool(table_of(item).c[name].nullable)
    arguments = [part for part in get_args(hint) if part is not type(None)] if _is_union(hint) else [hint]
    if len(arguments) != 1:
        raise ConfigurationError(f"{item.__name__}.{name}: a field has one type, or that type and None, not {hint}")
    return arguments[0], _is_union(hint)


@cache
def _hints(item: type[Item]) -> dict[str, Any]:
    """The types of all fields; resolving them takes as long as reading hundreds of items."""
    return get_type_hints(item)


def _is_union(hint: object) -> bool:
    return type(None) in get_args(hint)


def _scalar(item: type[Item], name: str) -> type | None:
    """The field's scalar type; None for nested parts, which are kept as JSON."""
    kind, _ = _annotation(item, name)
    kind = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    return kind if kind in _SCALARS else None


def wire_field(item: type[Item], name: str, paths: Paths) -> WireField:
    """The field with its type, place and default; a text key that is read by a path may be a whole number there."""
    if name in BOOKKEEPING:
        raise ConfigurationError(f"{item.__name__}.{name}: the name is taken by Syncline's bookkeeping")
    field, kind = item.model_fields[name], _scalar(item, name)
    _, optional = _annotation(item, name)
    wire: Any = _nested(item, name) if kind is None else _bounded(item, name, kind)
    wire = wire | int | float if kind is datetime else wire
    is_key = name == key_column(item)
    if kind is str and is_key and takes_numbers(item, name, paths):
        wire = wire | int
    elif kind is str and not is_key and _is_number_text(item, name):
        return WireField(name=name, path=path_of(item, name, paths), kind=msgspec.Raw, default=_raw_default(field))
    wire = wire | None if optional else wire
    return WireField(name=name, path=path_of(item, name, paths), kind=wire, default=_default(field))


def takes_numbers(item: type[Item], name: str, paths: Paths) -> bool:
    """Whether a text column is declared to take numbers: by its type, or as a key that is read by a path."""
    return _is_number_text(item, name) or (name in paths and name == key_column(item))


def _is_number_text(item: type[Item], name: str) -> bool:
    return isinstance(table_of(item).c[name].type, NumberText)


def _raw_default(field: FieldInfo) -> Any:  # noqa: ANN401 - of any type
    """As `_default`, in the form in which the field comes over the wire."""
    default = _default(field)
    return default if default is REQUIRED else msgspec.Raw(msgspec.json.encode(default))


def _default(field: FieldInfo) -> Any:  # noqa: ANN401 - of any type
    if field.default_factory is not None:
        make: Any = field.default_factory
        return msgspec.field(default_factory=make)
    return REQUIRED if field.default is PydanticUndefined else field.default


def _nested(item: type[Item], name: str) -> Any:  # noqa: ANN401 - a type expression
    """Anything but null, which is the field's own to allow."""
    if not isinstance(table_of(item).c[name].type, JSON):
        kinds = ", ".join(kind.__name__ for kind in _SCALARS)
        raise ConfigurationError(f"{item.__name__}.{name}: a field is one of {kinds}, or has sa_type=JsonColumn")
    return bool | int | float | str | list[Any] | dict[str, Any]


def _bounded(item: type[Item], name: str, kind: type) -> Any:  # noqa: ANN401 - a type expression
    """The type with the bounds that the field declares and the column has, where msgspec checks them."""
    bounds: dict[str, Any] = {}
    for rule in item.model_fields[name].metadata:
        match rule:
            case MinLen(value):
                bounds["min_length"] = value
            case MaxLen(value):
                bounds["max_length"] = value
            case Ge(value) | Gt(value) | Le(value) | Lt(value) if kind in {int, float}:
                bounds[type(rule).__name__.lower()] = value
            case _:
                pass
    if kind is int and not {"ge", "gt"} & bounds.keys():
        bounds["ge"] = -(2 ** _bits(item, name))
    if kind is int and not {"le", "lt"} & bounds.keys():
        bounds["le"] = 2 ** _bits(item, name) - 1
    return Annotated[kind, msgspec.Meta(**bounds)] if bounds else kind


def _bits(item: type[Item], name: str) -> int:
    column = table_of(item).c[name]
    return 63 if isinstance(column.type, BigInteger) else 31


def finishers(
    item: type[Item], columns: tuple[str, ...], paths: Paths, zone: str | None = None
) -> list[tuple[int, Callable[[Any], Any]]]:
    """What msgspec leaves to do, by column: bounds of decimals, instants without an offset or as numbers, texts.

    `zone` is the time zone of instants without an offset; None: UTC.
    """
    kinds = [(index, name, _scalar(item, name)) for index, name in enumerate(columns)]
    key = key_column(item)
    simple: Mapping[Any, Callable[[Any], Any]] = {datetime: _instant if zone is None else _instant_in(zone), str: str}
    made = [
        (index, simple[kind])
        for index, name, kind in kinds
        if kind is datetime or (kind is str and name == key and takes_numbers(item, name, paths))
    ]
    texts = [(index, name) for index, name, kind in kinds if kind is str and name != key]
    made += [(index, _number_finisher(item, name)) for index, name in texts if _is_number_text(item, name)]
    return made + [(index, _decimal_finisher(item, name)) for index, name, kind in kinds if kind is Decimal]


def _number_finisher(item: type[Item], name: str) -> Callable[[msgspec.Raw], str | None]:
    """A number as it is written, or the text that came in its place; null if the field allows it."""
    _, optional = _annotation(item, name)

    def finish(value: msgspec.Raw) -> str | None:
        token = bytes(value)
        if token[:1] == b'"':
            return msgspec.json.decode(token, type=str)
        if token == b"null" and optional:
            return None
        if token[:1] not in _NUMBER_BEGINS:
            raise ValueError(f"Expected a number or `str`, got {token[:20].decode(errors='replace')}")
        return token.decode()

    return finish


def _instant(value: datetime | float) -> datetime:
    """The instant, aware; one without an offset is taken as UTC, a number as the time since 1970."""
    if not isinstance(value, datetime):
        return _since_1970(value)
    if value.tzinfo is UTC:  # what msgspec makes of `Z`: nearly all of them
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _instant_in(zone: str) -> Callable[[datetime | float], datetime]:
    """As `_instant`, but one without an offset is of the time zone `zone`."""

    def finish(value: datetime | float) -> datetime:
        is_local = isinstance(value, datetime) and value.tzinfo is None
        return from_local(value, zone) if isinstance(value, datetime) and is_local else _instant(value)

    return finish


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS_A_SECOND = ((10**11, 1), (10**14, 10**3), (10**17, 10**6), (10**20, 10**9))
"""Numbers below the first bound are seconds (up to the year 5138), then milliseconds (from 1973 on), micro, nano."""


def _since_1970(number: float) -> datetime:
    """The instant that lies so many seconds, milliseconds, microseconds or nanoseconds after 1970.

    Raises:
        ValueError: it is no instant.
        ArithmeticError: it lies outside of the years 1 to 9999.
    """
    for bound, units in _UNITS_A_SECOND:
        if -bound < number < bound:
            exact = isinstance(number, int)
            return _EPOCH + timedelta(microseconds=number * 10**6 // units if exact else round(number * 10**6 / units))
    raise ValueError("Expected an instant")


_FLOAT_DIGITS = 15
"""So many significant digits of a decimal number survive in a double; further ones are its tail."""
_TAIL = 10
"""A tail is less than a tenth of the column's last place."""


def _without_tail(value: Decimal, unit: Decimal) -> Decimal | None:
    """The multiple of `unit` that floating point has left a tail on: 5.10 of 5.1000000000000005; None of 5.105."""
    if len(value.as_tuple().digits) <= _FLOAT_DIGITS:
        return None
    plain = Decimal(f"{float(value):.{_FLOAT_DIGITS}g}")
    exact = plain.quantize(unit)
    return exact if exact == plain and abs(exact - value) * _TAIL < unit else None


def _decimal_finisher(item: type[Item], name: str) -> Callable[[Decimal], Decimal]:
    column = table_of(item).c[name].type
    if not isinstance(column, Amount):
        raise ConfigurationError(f"{item.__name__}.{name}: a Decimal needs sa_type=Amount(digits, places)")
    limit, unit = Decimal(10) ** (column.digits - column.places), Decimal(1).scaleb(-column.places)
    lowest = -limit
    rules = [_rule(rule) for rule in item.model_fields[name].metadata if isinstance(rule, Ge | Gt | Le | Lt)]

    def finish(value: Decimal) -> Decimal:
        if not lowest < value < limit:
            raise ValueError(f"Expected `Decimal` below {limit}")
        exact = value.quantize(unit)
        if exact != value:
            plain = _without_tail(value, unit)
            if plain is None or abs(plain) >= limit:
                raise ValueError(f"Expected `Decimal` with at most {column.places} places")
            exact = plain
        for holds, bound, said in rules:
            if not holds(value, bound):
                raise ValueError(f"Expected `Decimal` {said}")
        return exact

    return finish


_SIGNS: dict[type, tuple[str, Callable[[Any, Any], bool]]] = {
    Ge: (">=", operator.ge),
    Gt: (">", operator.gt),
    Le: ("<=", operator.le),
    Lt: ("<", operator.lt),
}


def _rule(rule: Ge | Gt | Le | Lt) -> tuple[Callable[[Any, Any], bool], Any, str]:
    """How a bound is checked, its value, and how it is said."""
    sign, holds = _SIGNS[type(rule)]
    bound = getattr(rule, type(rule).__name__.lower())
    return holds, bound, f"{sign} {bound}"
