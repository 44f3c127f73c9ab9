"""The knobs of X: what `/sandbox/x…` answers."""

from dataclasses import asdict
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from sandbox.answers import RefusedError, json_answer, read_json, read_order
from sandbox.x.world import X

Id = Annotated[str, Meta(pattern=r"^[0-9]{1,19}\Z")]


class NewMentions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /sandbox/x/mentions`."""

    count: Annotated[int, Meta(ge=1, le=100_000)] = 1
    author_id: Id | None = None
    text: str | None = None


class Deletion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /sandbox/x/delete`."""

    ids: list[Id]


class Protection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /sandbox/x/protect`."""

    author_id: Id
    protected: bool = True


class Controls:
    """Lets a test, or somebody at a demo, see and change what X knows."""

    def __init__(self, x: X) -> None:
        self._x = x

    def register(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get("/sandbox/x", self._state)
        app.router.add_post("/sandbox/x/settings", self._settings)
        app.router.add_post("/sandbox/x/mentions", self._add)
        app.router.add_post("/sandbox/x/delete", self._delete)
        app.router.add_post("/sandbox/x/protect", self._protect)
        app.router.add_get("/sandbox/x/lookups", self._lookups)
        app.router.add_delete("/sandbox/x/lookups", self._forget)

    async def _state(self, _request: web.Request) -> web.Response:
        return json_answer(self._x.state())

    async def _settings(self, request: web.Request) -> web.Response:
        try:
            self._x.settings = self._x.settings.changed(await read_json(request))
        except msgspec.ValidationError as error:
            raise RefusedError(422, f"{error}.") from error
        return json_answer(msgspec.to_builtins(self._x.settings))

    async def _add(self, request: web.Request) -> web.Response:
        order = await read_order(request, NewMentions)
        return json_answer({"ids": self._x.tweets.add(order.count, author_id=order.author_id, text=order.text)})

    async def _delete(self, request: web.Request) -> web.Response:
        order, tweets = await read_order(request, Deletion), self._x.tweets
        with tweets.lock:
            for tweet_id in order.ids:
                if tweets.get(int(tweet_id)) is None or int(tweet_id) in tweets.deleted:
                    raise RefusedError(422, f"There is no tweet {tweet_id}: nothing was deleted.")
            for tweet_id in dict.fromkeys(order.ids):
                tweets.delete(tweet_id)
        return json_answer({"deleted": order.ids})

    async def _protect(self, request: web.Request) -> web.Response:
        order = await read_order(request, Protection)
        try:
            self._x.tweets.protect(order.author_id, protected=order.protected)
        except KeyError as error:
            raise RefusedError(422, f"There is no author {order.author_id}.") from error
        return json_answer({"protected": sorted(self._x.tweets.protected)})

    async def _lookups(self, _request: web.Request) -> web.Response:
        return json_answer({"lookups": [asdict(lookup) for lookup in self._x.lookups], "asked": self._x.asked()})

    async def _forget(self, _request: web.Request) -> web.Response:
        self._x.forget()
        return web.Response(status=204)
