"""Price APIs in the shapes of CoinGecko (below /coingecko) and DefiLlama (below /llama)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from sandbox.answers import json_answer, json_bytes
from sandbox.faults import AnyFault, BadRows, MovingRows
from sandbox.prices.controls import Controls
from sandbox.prices.spoiling import BREAKAGES, shown
from sandbox.prices.world import PLATFORMS, Prices, Quote

BASES = ("/coingecko/", "/llama/")
CONFIDENCE, RARE_CONFIDENCE = 0.99, 0.6
Json = dict[str, Any]
Answer = Callable[[web.Request], web.Response]


class PricesApi:
    """Both APIs, each within a quota a minute, and the controls under /sandbox/prices."""

    def __init__(self, prices: Prices, *, change_every_seconds: float = 0) -> None:
        self._prices = prices
        self._change_every_seconds = change_every_seconds

    def register(self, app: web.Application) -> None:
        """Add the routes."""
        simple = "/coingecko/api/v3/simple"
        app.router.add_get(f"{simple}/token_price/{{platform}}", self._guarded("coingecko", self._token_price))
        app.router.add_get(f"{simple}/price", self._guarded("coingecko", self._price))
        app.router.add_get("/llama/prices/current/{coins}", self._guarded("llama", self._current))
        Controls(self._prices).register(app)

    def check(self, fault: AnyFault) -> None:
        """Refuse what prices cannot do; raises ValueError."""
        if not fault.path.startswith(BASES):
            return
        moves = isinstance(fault, MovingRows)
        if moves:
            raise ValueError("prices have no pages between which rows could move")
        if isinstance(fault, BadRows) and fault.how is not None and fault.how not in BREAKAGES:
            raise ValueError(f"`how` must be one of {', '.join(BREAKAGES)}, not {fault.how!r}")

    async def live(self) -> None:
        """Move the prices every so many seconds; with 0, never."""
        while self._change_every_seconds > 0:
            await asyncio.sleep(self._change_every_seconds)
            self._prices.tick()

    def _guarded(self, name: str, answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def guard(request: web.Request) -> web.Response:
            prices = self._prices
            if name == "coingecko" and not _has_key(request, prices.settings.key):
                return json_answer({"status": {"error_code": 10002, "error_message": "API Key Missing"}}, status=401)
            if prices.admits(name):
                with prices.lock:
                    return answer(request)
            body = {"status": {"error_code": 429, "error_message": "You've exceeded the Rate Limit."}}
            return json_answer(body, status=429, headers={"Retry-After": str(prices.wait_seconds(name))})

        return guard

    def _token_price(self, request: web.Request) -> web.Response:
        chain_id = PLATFORMS.get(request.match_info["platform"])
        if chain_id is None:
            return json_answer({"error": "coin not found"}, status=404)
        asked = _listed(request.query.get("contract_addresses"))
        known = self._prices.tokens
        found = {one.lower(): known[chain_id, one.lower()] for one in asked if (chain_id, one.lower()) in known}
        return self._simple(request, asked, {name: quote for name, quote in found.items() if not quote.token.is_native})

    def _price(self, request: web.Request) -> web.Response:
        asked, known = _listed(request.query.get("ids")), self._prices.coins
        return self._simple(request, asked, {one: known[one] for one in asked if one in known})

    def _simple(self, request: web.Request, asked: list[str], found: dict[str, Quote]) -> web.Response:
        """CoinGecko's answer: coins that it does not know are left out."""
        problem = self._problem(asked)
        if problem is None and "usd" not in _listed(request.query.get("vs_currencies")):
            problem = "Missing parameter vs_currencies"
        if problem is not None:
            return json_answer({"status": {"error_code": 10012, "error_message": problem}}, status=400)
        dated = request.query.get("include_last_updated_at") == "true"
        body = {
            name: {"usd": told.price} | ({"last_updated_at": told.time} if dated and told.time is not None else {})
            for name, told in shown(request, found).items()
        }
        return json_bytes(msgspec.json.encode(body))

    def _current(self, request: web.Request) -> web.Response:
        asked = _listed(request.match_info["coins"])
        problem = self._problem(asked)
        if problem is not None:
            return json_answer({"message": problem}, status=400)
        found = {one: quote for one in asked if (quote := self._named(one)) is not None}
        body = {
            name: {
                "decimals": told.quote.token.decimals,
                "symbol": told.quote.token.symbol,
                "price": told.price,
                "confidence": self._confidence(told.quote),
            }
            | ({} if told.time is None else {"timestamp": told.time})
            for name, told in shown(request, found).items()
        }
        return json_bytes(msgspec.json.encode({"coins": body}))

    def _named(self, name: str) -> Quote | None:
        """The quote of `chain:address`, or of `coingecko:id`."""
        chain, _, address = name.partition(":")
        if chain == "coingecko":
            return self._prices.coins.get(address)
        return self._prices.tokens.get((PLATFORMS.get(chain, 0), address.lower()))

    def _confidence(self, quote: Quote) -> float:
        settings = self._prices.settings
        own = RARE_CONFIDENCE if quote.is_rare else CONFIDENCE
        return own if settings.confidence is None else settings.confidence

    def _problem(self, asked: list[str]) -> str | None:
        """What is wrong with what a request asks for, which is put on record."""
        self._prices.note(asked)
        most = self._prices.settings.most_coins
        if len(asked) > most:
            return f"Your request exceeds the allowed limit of {most} coins"
        return None if asked else "Missing parameter: no coins are named"


def _listed(text: str | None) -> list[str]:
    return [one for one in (text or "").split(",") if one]


def _has_key(request: web.Request, key: str | None) -> bool:
    return key is None or key in {request.headers.get(f"x-cg-{plan}-api-key") for plan in ("demo", "pro")}
