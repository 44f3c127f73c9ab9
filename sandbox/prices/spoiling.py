"""Prices that are none, as faults of data order them."""

from dataclasses import dataclass
from typing import Literal, get_args

from aiohttp import web
from msgspec import Raw

from sandbox.faults import BadRows, PageCap
from sandbox.prices.world import Quote
from sandbox.upstream import struck_by

Breakage = Literal["negative", "zero", "nan", "absurd", "text", "null", "lost_time", "future"]
BREAKAGES: tuple[str, ...] = get_args(Breakage)
_INSTEAD = {
    "negative": b"-1.5",
    "zero": b"0",
    "nan": b"NaN",
    "absurd": b"1e40",
    "text": b'"about a dollar"',
    "null": b"null",
}
FUTURE_SECONDS = 86_400


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A price as an answer shows it."""

    quote: Quote
    price: Raw
    """A number with all of its digits, or what stands in its place."""
    time: int | None
    """Seconds since 1970."""


def shown(request: web.Request, quotes: dict[str, Quote]) -> dict[str, Shown]:
    """The prices by the names that they were asked for; the first spoiled, the last left out, as faults want."""
    cap = min((fault.size for _, fault in struck_by(request, PageCap)), default=None)
    told = {name: _true(quote) for name, quote in list(quotes.items())[:cap]}
    for _, fault in struck_by(request, BadRows):
        for turn, name in enumerate(list(told)[: fault.rows]):
            told[name] = _broken(told[name], fault.how or BREAKAGES[turn % len(BREAKAGES)])
    return told


def _true(quote: Quote) -> Shown:
    return Shown(quote=quote, price=Raw(str(quote.price).encode()), time=quote.time)


def _broken(told: Shown, how: str) -> Shown:
    match how:
        case "lost_time":
            return Shown(quote=told.quote, price=told.price, time=None)
        case "future":
            return Shown(quote=told.quote, price=told.price, time=told.quote.time + FUTURE_SECONDS)
        case _:
            return Shown(quote=told.quote, price=Raw(_INSTEAD.get(how, b"null")), time=told.time)
