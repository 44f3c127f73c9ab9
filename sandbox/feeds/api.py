import asyncio
from functools import partial
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from sandbox.answers import RefusedError, json_answer, read_json
from sandbox.faults import AnyFault, BadRows
from sandbox.feeds.feed import Feed
from sandbox.feeds.listing import answer_page
from sandbox.feeds.world import Feeds

BASE = "/feeds/"
Amount = Annotated[int, Meta(ge=0, le=100_000)]


class ChangeOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /sandbox/feeds/change`."""

    feed: str
    create: Amount = 0
    update: Amount = 0
    delete: Amount = 0


class FeedsApi:
    """The feeds over HTTP, each below a base of its own (`/feeds/NAME`), open to all: an upstream of the sandbox."""

    def __init__(self, feeds: Feeds, *, change_every_seconds: float = 0) -> None:
        self._feeds = feeds
        self._change_every_seconds = change_every_seconds

    def register(self, app: web.Application) -> None:
        """Add the routes of all feeds, and the knob that changes them."""
        for name, feed in self._feeds.by_name.items():
            app.router.add_get(f"{BASE}{name}{feed.kind.path}", partial(_list, feed))
        app.router.add_post("/sandbox/feeds/change", self._change)

    def check(self, fault: AnyFault) -> None:
        """Refuse a named breakage; raises ValueError."""
        if isinstance(fault, BadRows) and fault.how is not None and fault.path.startswith(BASE):
            raise ValueError("feeds break their rows in turn: leave `how` out")

    async def live(self) -> None:
        """Change a few items every so many seconds; with 0, never."""
        while self._change_every_seconds > 0:
            await asyncio.sleep(self._change_every_seconds)
            self._feeds.tick()

    async def _change(self, request: web.Request) -> web.Response:
        data = await read_json(request)
        try:
            order = msgspec.convert(data, type=ChangeOrder)
        except msgspec.ValidationError as error:
            raise RefusedError(422, f"{error}.") from error
        feed = self._feeds.by_name.get(order.feed)
        if feed is None:
            raise RefusedError(422, f"`feed` must be one of {', '.join(self._feeds.by_name)}, not {order.feed!r}.")
        return json_answer(feed.change(create=order.create, update=order.update, delete=order.delete))


async def _list(feed: Feed, request: web.Request) -> web.Response:
    return answer_page(feed, request)
