import asyncio
import hmac
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler
from msgspec import Meta

from sandbox.answers import RefusedError, json_answer, json_bytes, read_json
from sandbox.erp.listing import answer_page
from sandbox.erp.table import Table
from sandbox.erp.world import Erp
from sandbox.faults import AnyFault, BadRows

BASES = ("/erp/", "/*")
"""How paths begin that concern the tables."""
Amount = Annotated[int, Meta(ge=0, le=100_000)]


class ChangeOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /sandbox/erp/change`."""

    table: Literal["products", "customers"]
    create: Amount = 0
    update: Amount = 0
    delete: Amount = 0


class ErpApi:
    """The ERP over HTTP: an upstream of the sandbox."""

    def __init__(self, erp: Erp, *, token: str, change_every_seconds: float = 0) -> None:
        self._erp = erp
        self._token = token
        self._change_every_seconds = change_every_seconds

    def register(self, app: web.Application) -> None:
        """Add the routes of all tables, and the knob that changes them."""
        for name, table in self._erp.tables.items():
            app.router.add_get(f"/erp/{name}", self._guarded(partial(_list, table)))
            app.router.add_get(f"/erp/{name}/{{id}}", self._guarded(partial(_detail, table)))
        app.router.add_post("/sandbox/erp/change", self._change)

    def check(self, fault: AnyFault) -> None:
        """Refuse a breakage that no table knows; raises ValueError."""
        if not fault.path.startswith(BASES):
            return
        known = {name for table in self._erp.tables.values() for name in table.kind.breakages}
        if isinstance(fault, BadRows) and fault.how is not None and fault.how not in known:
            raise ValueError(f"`how` must be one of {', '.join(sorted(known))}, not {fault.how!r}")

    async def live(self) -> None:
        """Change a few rows every so many seconds; with 0, never."""
        while self._change_every_seconds > 0:
            await asyncio.sleep(self._change_every_seconds)
            self._erp.tick()

    def _guarded(self, handler: Handler) -> Handler:
        expected = f"Bearer {self._token}".encode()

        async def guard(request: web.Request) -> web.StreamResponse:
            given = request.headers.get("Authorization", "").encode(errors="replace")
            if not hmac.compare_digest(given, expected):
                raise RefusedError(401, "A valid bearer token is needed.", {"WWW-Authenticate": "Bearer"})
            return await handler(request)

        return guard

    async def _change(self, request: web.Request) -> web.Response:
        data = await read_json(request)
        try:
            order = msgspec.convert(data, type=ChangeOrder)
        except msgspec.ValidationError as error:
            raise RefusedError(422, f"{error}.") from error
        touched = self._erp.change(order.table, create=order.create, update=order.update, delete=order.delete)
        return json_answer(msgspec.to_builtins(touched))


async def _list(table: Table[Any], request: web.Request) -> web.Response:
    return answer_page(table, request)


async def _detail(table: Table[Any], request: web.Request) -> web.Response:
    body = table.json(request.match_info["id"])
    if body is None:
        raise RefusedError(404, f"There is no row {request.match_info['id']!r} in {table.kind.name}.")
    return json_bytes(body)
