import asyncio
from dataclasses import asdict
from typing import Annotated, Any

import msgspec
import orjson
from aiohttp import web
from msgspec import Meta

from sandbox.answers import RefusedError, json_answer, read_order
from sandbox.clock import stamp
from sandbox.inbox.inbox import Delivery, Inbox
from sandbox.inbox.signatures import key_of, objection


class FailOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /sandbox/inbox/fail`."""

    times: Annotated[int, Meta(ge=0, le=100_000)] = 1
    status: Annotated[int, Meta(ge=400, le=599)] = 503


class SecretOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /sandbox/inbox/secret`."""

    secret: str | None


class InboxApi:
    """Somebody who wants to be told: `POST /inbox` takes webhooks, `GET /sandbox/inbox` shows them."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def register(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_post("/inbox", self._take)
        app.router.add_get("/sandbox/inbox", self._show)
        app.router.add_delete("/sandbox/inbox", self._clear)
        app.router.add_post("/sandbox/inbox/fail", self._fail)
        app.router.add_post("/sandbox/inbox/secret", self._tell)

    async def live(self) -> None:
        """Nothing happens by itself."""
        await asyncio.sleep(0)

    async def _take(self, request: web.Request) -> web.Response:
        inbox, body = self._inbox, await request.read()
        now = inbox.clock()
        problem = None if inbox.secret is None else objection(request.headers, body, secret=inbox.secret, now=now)
        status = inbox.status_for(problem)
        kept = {name.lower(): value for name, value in request.headers.items()}
        headers = {name: value for name, value in kept.items() if name.startswith("webhook-") or name == "content-type"}
        inbox.deliveries.append(
            Delivery(
                time=stamp(now),
                id=headers.get("webhook-id"),
                status=status,
                problem=problem,
                headers=headers,
                body=_read(body),
            )
        )
        if status < 300:  # noqa: PLR2004 - the class of HTTP statuses
            return web.Response(status=status)
        raise RefusedError(status, problem or "The inbox was told to fail.")

    async def _show(self, _request: web.Request) -> web.Response:
        inbox = self._inbox
        shown = [asdict(delivery) for delivery in inbox.deliveries]
        return json_answer({"deliveries": shown, "times": inbox.times(), "failures_left": inbox.failures_left})

    async def _clear(self, _request: web.Request) -> web.Response:
        self._inbox.clear()
        return web.Response(status=204)

    async def _fail(self, request: web.Request) -> web.Response:
        order = await read_order(request, FailOrder)
        self._inbox.fail(order.times, status=order.status)
        return json_answer({"failures_left": self._inbox.failures_left})

    async def _tell(self, request: web.Request) -> web.Response:
        order = await read_order(request, SecretOrder)
        try:
            key_of(order.secret or "")
        except ValueError as error:
            raise RefusedError(422, "`secret` must be base64, with or without `whsec_` before it.") from error
        self._inbox.secret = order.secret
        return web.Response(status=204)


def _read(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode(errors="replace")
