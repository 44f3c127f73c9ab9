"""The knobs of the price APIs: what `/sandbox/prices…` answers."""

from decimal import Decimal
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from sandbox.answers import RefusedError, json_answer, read_json, read_order
from sandbox.prices.world import Prices


class PriceOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /sandbox/prices/set`."""

    chain_id: int
    address: Annotated[str, Meta(pattern=r"^0x[0-9a-fA-F]{40}\Z")]
    price: Annotated[str, Meta(pattern=r"^[0-9]{1,20}(?:\.[0-9]{1,40})?\Z")]
    """US dollars, as text: it keeps its digits."""


class Controls:
    """Lets a test, or somebody at a demo, see and change what tokens cost."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices

    def register(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get("/sandbox/prices", self._state)
        app.router.add_post("/sandbox/prices/settings", self._settings)
        app.router.add_post("/sandbox/prices/set", self._set)
        app.router.add_post("/sandbox/prices/move", self._move)
        app.router.add_delete("/sandbox/prices/asked", self._forget)

    async def _state(self, _request: web.Request) -> web.Response:
        return json_answer(self._prices.state())

    async def _settings(self, request: web.Request) -> web.Response:
        try:
            self._prices.settings = self._prices.settings.changed(await read_json(request))
        except msgspec.ValidationError as error:
            raise RefusedError(422, f"{error}.") from error
        return json_answer(msgspec.to_builtins(self._prices.settings))

    async def _set(self, request: web.Request) -> web.Response:
        order = await read_order(request, PriceOrder)
        try:
            self._prices.set(order.chain_id, order.address, Decimal(order.price))
        except KeyError as error:
            raise RefusedError(422, f"No price of {order.address} on chain {order.chain_id} is known.") from error
        return web.Response(status=204)

    async def _move(self, _request: web.Request) -> web.Response:
        self._prices.tick()
        return web.Response(status=204)

    async def _forget(self, _request: web.Request) -> web.Response:
        self._prices.forget()
        return web.Response(status=204)
