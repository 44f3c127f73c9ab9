"""How price APIs are asked, and how they answer: CoinGecko's shape and DefiLlama's."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol, TypeAlias, cast

from syncline.errors import RejectedError, UnavailableError
from syncline.kernel_settings import base_url_setting
from syncline.model.page import Answer, Request
from syncline.portfolios.prices import Coin, Quoted
from syncline.portfolios.prices_settings import PriceSettings, Shape, price_setting
from syncline.portfolios.tables import NATIVE

__all__ = ["Names", "PriceShape", "names_of", "quotes_in", "shape_of"]

Names: TypeAlias = dict[str, dict[str, list[Coin]]]
"""What is asked for: by group, which are asked for apart, and by the API's own name in lower case."""
_Body: TypeAlias = Mapping[str, object]


class PriceShape(Protocol):
    """How one API is asked."""

    def name(self, coin: Coin) -> tuple[str, str] | None:
        """The group that a coin is asked for with, and its name there in lower case; None: its chain has no name."""
        ...

    def request(self, group: str, names: Sequence[str]) -> Request:
        """The request for some coins of a group."""
        ...

    def quotes(self, body: _Body) -> Mapping[str, Quoted] | None:
        """The quotes in an answer, by name in lower case; None: it is none of this API's."""
        ...


@dataclass(frozen=True, kw_only=True)
class CoinGecko:
    """CoinGecko's `/simple/…` (https://docs.coingecko.com/reference/simple-token-price).

    Attributes:
        prefix: what stands before it: "" where the base URL ends with /api/v3 already.
    """

    settings: PriceSettings
    prefix: str = "/api/v3"

    def name(self, coin: Coin) -> tuple[str, str] | None:
        """Tokens are asked for by chain, the chains' own coins together, which is the group ""."""
        chain_id, token = coin
        if token == NATIVE:
            known = self.settings.coin(chain_id)
            return None if known is None else ("", known.lower())
        platform = self.settings.platform(chain_id)
        return None if platform is None else (platform, token.lower())

    def request(self, group: str, names: Sequence[str]) -> Request:
        """All names in one parameter, with commas between them."""
        params = {"ids" if not group else "contract_addresses": ",".join(names)}
        params |= {"vs_currencies": "usd", "include_last_updated_at": "true", "precision": "full"}
        place = f"token_price/{group}" if group else "price"
        return Request(path=f"{self.prefix}/simple/{place}", params=params)

    def quotes(self, body: _Body) -> Mapping[str, Quoted] | None:
        """A coin without a price is an empty object, or left out."""
        found: dict[str, Quoted] = {}
        for name, row in body.items():
            if not isinstance(row, dict):
                return None
            told = cast("_Body", row)
            if "usd" in told:
                found[name.lower()] = Quoted(price=told["usd"], time=told.get("last_updated_at"))
        return found


@dataclass(frozen=True, kw_only=True)
class DefiLlama:
    """DefiLlama's `/prices/current/…` (https://api-docs.defillama.com)."""

    settings: PriceSettings

    def name(self, coin: Coin) -> tuple[str, str] | None:
        """All are asked for together: tokens by chain and address, the chains' own coins by CoinGecko's ids."""
        chain_id, token = coin
        if token == NATIVE:
            known = self.settings.coin(chain_id)
            return None if known is None else ("", f"coingecko:{known.lower()}")
        platform = self.settings.platform(chain_id)
        return None if platform is None else ("", f"{platform.lower()}:{token.lower()}")

    def request(self, group: str, names: Sequence[str]) -> Request:
        """All names in the path, with commas between them."""
        del group
        return Request(path=f"/prices/current/{','.join(names)}")

    def quotes(self, body: _Body) -> Mapping[str, Quoted] | None:
        """A coin without a price is left out."""
        coins = body.get("coins")
        if not isinstance(coins, dict):
            return None
        found: dict[str, Quoted] = {}
        for name, row in cast("_Body", coins).items():
            if not isinstance(row, dict):
                return None
            told = cast("_Body", row)
            if "price" in told:
                found[name.lower()] = Quoted(
                    price=told["price"], time=told.get("timestamp"), confidence=told.get("confidence")
                )
        return found


def shape_of(settings: PriceSettings, origin: str) -> PriceShape:
    """The shape of the API at `origin`."""
    if settings.shape is Shape.DEFILLAMA:
        return DefiLlama(settings=settings)
    return CoinGecko(settings=settings, prefix="" if origin.rstrip("/").endswith("/api/v3") else "/api/v3")


def names_of(shape: PriceShape, coins: Iterable[Coin]) -> tuple[Names, dict[Coin, str]]:
    """What is to be asked for, each name once; and the coins that cannot be, with what to set."""
    names: Names = defaultdict(dict)
    nameless: dict[Coin, str] = {}
    for coin in coins:
        found = shape.name(coin)
        if found is None:
            setting = price_setting("coins" if coin[1] == NATIVE else "platforms")
            nameless[coin] = (
                f'what the price API calls chain {coin[0]} is not known: set {setting}={{"{coin[0]}": "…"}}'
            )
        else:
            names[found[0]].setdefault(found[1], []).append(coin)
    return names, nameless


def quotes_in(shape: PriceShape, answer: Answer, *, upstream: str, path: str) -> Mapping[str, Quoted]:
    """The quotes in an answer, by name in lower case.

    Raises:
        UnavailableError: it is cut, or no JSON, or tells of an error.
        RejectedError: it is JSON, but none of this API's: the base URL may be that of something else.
    """
    try:
        body: Any = json.loads(answer.content, parse_float=_number, parse_int=_number, parse_constant=Decimal)
    except (ValueError, RecursionError) as error:
        message = f"{upstream} answered {path} with a body that is cut or no JSON ({error})"
        raise UnavailableError(message, upstream=upstream, status=answer.status_code) from None
    if isinstance(body, dict) and _is_error(cast("_Body", body)):
        message = f"{upstream} answered {path} with an error instead of prices"
        raise UnavailableError(message, upstream=upstream, status=answer.status_code)
    found = shape.quotes(cast("_Body", body)) if isinstance(body, dict) else None
    if found is None:
        message = f"{upstream} answered {path} with something that is no list of prices; check "
        message += f"{base_url_setting(upstream)} and {price_setting('shape')}"
        raise RejectedError(message, upstream=upstream, status=answer.status_code)
    return found


def _is_error(body: _Body) -> bool:
    """Whether an answer tells of an error; `status` is also what a coin of CoinGecko's is called."""
    status = body.get("status")
    return isinstance(body.get("error"), str) or (isinstance(status, dict) and "error_code" in status)


def _number(text: str) -> Decimal | str:
    """A number with all of its digits; the text of one that is beyond all numbers."""
    try:
        return Decimal(text)
    except ArithmeticError:
        return text
