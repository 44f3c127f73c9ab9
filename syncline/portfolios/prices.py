"""A price, and what is believed of one that an API tells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeAlias

__all__ = ["Coin", "Price", "Quoted", "UnfitPriceError", "believed"]

Coin: TypeAlias = tuple[int, str]
"""A chain's id, and a token's address on it with EIP-55's checksum; the chain's own coin is `tables.NATIVE`."""

_LOWEST, _HIGHEST = Decimal("1e-30"), Decimal("1e12")
"""Nothing that is traded costs less or more, in US dollars."""
_MOST_DIGITS = 60
"""A float has 17; what has more digits than this is no price, and would be stored for ever."""
_FIRST_TIME = 1_230_768_000
"""2009: no token is older."""
_MILLISECONDS_FROM = 100_000_000_000
"""A time since 1970 that is as large as this counts milliseconds."""
_LAST_TIME = 253_402_300_799
"""The last second that a datetime can hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """What one of a token costs.

    Attributes:
        price: US dollars, above 0, with the digits that the API wrote.
        as_of: the instant for which the API says so; it may be long ago.
    """

    price: Decimal
    as_of: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Quoted:
    """What an API tells of a token, as it came: numbers as `Decimal`, anything else as JSON has it.

    Attributes:
        price: US dollars.
        time: seconds since 1970; None: it was not told.
        confidence: DefiLlama's, from 0 to 1; None: it was not told.
    """

    price: object
    time: object = None
    confidence: object = None


class UnfitPriceError(ValueError):
    """The price is not believed; the message says why."""


def believed(quoted: Quoted, *, now: datetime, least_confidence: float = 0) -> Price:
    """The price that was quoted; one of which no time was told, or one in the future, counts as of `now`.

    Raises:
        UnfitPriceError: it is no number, not above 0, or absurd; or its time is none; or it is too uncertain.
    """
    price = _amount(quoted.price)
    sure = quoted.confidence
    if isinstance(sure, Decimal) and (sure.is_nan() or sure < Decimal(str(least_confidence))):
        raise UnfitPriceError(f"its confidence is {_short(sure)}, below {least_confidence:g}")
    return Price(price=price, as_of=_instant(quoted.time, now))


def _amount(told: object) -> Decimal:
    if not isinstance(told, Decimal) or told.is_nan():
        raise UnfitPriceError(f"it is no number, but {_short(told)}")
    if told <= 0:
        raise UnfitPriceError(f"it is not above 0, but {_short(told)}")
    if not _LOWEST <= told <= _HIGHEST or len(told.as_tuple().digits) > _MOST_DIGITS:
        raise UnfitPriceError(f"it is absurd: {_short(told)} US dollars")
    return told


def _instant(told: object, now: datetime) -> datetime:
    if told is None:
        return now
    if not isinstance(told, Decimal) or not told.is_finite():
        raise UnfitPriceError(f"its time is no number, but {_short(told)}")
    seconds = told / 1000 if told >= _MILLISECONDS_FROM else told
    if not _FIRST_TIME <= seconds <= _LAST_TIME:
        raise UnfitPriceError(f"its time is none: {_short(told)} seconds since 1970")
    return min(now, datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(seconds * 1_000_000)))


def _short(told: object) -> str:
    """What was told, cut where it is long."""
    shown = str(told) if isinstance(told, Decimal) else repr(told)
    return shown if len(shown) <= _MOST_DIGITS else f"{shown[:_MOST_DIGITS]}…"
