from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Generic, TypeVar

import msgspec

from sandbox.clock import stamp

EPOCH = datetime.fromisoformat("2023-01-01T00:00:00+00:00")
"""No row is older."""

ONE_YEAR_MICROSECONDS = 365 * 86_400 * 10**6


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What rows of all tables begin with; fields stand in the order of the JSON."""

    id: int | str
    created_at: str
    updated_at: str


RowT = TypeVar("RowT", bound=Row)

Breakage = Callable[[dict[str, Any]], None]
"""Spoils one row, in place."""


@dataclass(frozen=True, kw_only=True)
class Kind(Generic[RowT]):
    """All that a table must know of its rows."""

    name: str
    row: type[RowT]
    key_format: str
    """How a serial number becomes an id: empty for the number itself."""
    make: Callable[[Random, int, str, str], RowT]
    """A row from dice, its serial number, created_at and updated_at."""
    alter: Callable[[Random, RowT], dict[str, Any]]
    """The fields that an update changes."""
    breakages: Mapping[str, Breakage]
    """The ways in which a row can be bad, by name."""

    def key(self, serial: int) -> int | str:
        """The id of a serial number, as JSON shows it."""
        return self.key_format.format(serial) if self.key_format else serial

    def serial(self, key: int | str) -> int | None:
        """The serial number of an id; None for what cannot be one."""
        digits = str(key).removeprefix(self.key_format.partition("{")[0])
        serial = int(digits) if digits.isascii() and digits.isdecimal() else -1
        return serial if str(self.key(serial)) == str(key) else None


def life_dates(dice: Random) -> tuple[str, str]:
    """When a row of the first hour was created, in 2023, and updated, within a year after."""
    created = dice.randrange(ONE_YEAR_MICROSECONDS)
    updated = created + dice.randrange(ONE_YEAR_MICROSECONDS)
    return stamp(EPOCH + timedelta(microseconds=created)), stamp(EPOCH + timedelta(microseconds=updated))


def money(cents: int) -> Decimal:
    """An amount with exactly two decimals."""
    return Decimal(cents).scaleb(-2)
