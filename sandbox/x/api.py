"""X API v2 over HTTP, as far as mentions and lookups go: an upstream of the sandbox."""

import asyncio
import hmac
import re
from collections.abc import Awaitable, Callable

from aiohttp import web

from sandbox.answers import json_answer
from sandbox.faults import AnyFault, BadRows, MovingRows, PageCap
from sandbox.upstream import struck_by
from sandbox.x import mentions
from sandbox.x.controls import Controls
from sandbox.x.lookup import look_up, read_ids
from sandbox.x.problems import TOO_MANY, UNAUTHORIZED, InvalidRequestError, Json, user_not_found
from sandbox.x.weather import move, spoiled
from sandbox.x.world import X

BASE = "/x/"
Answer = Callable[[web.Request], Json]


class XApi:
    """X: bearer token, budgets in fixed windows, and the controls under /sandbox/x."""

    def __init__(self, x: X, *, token: str, change_every_seconds: float = 0) -> None:
        self._x = x
        self._token = token
        self._change_every_seconds = change_every_seconds

    def register(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get("/x/2/users/{id}/mentions", self._guarded("mentions", self._mentions))
        app.router.add_get("/x/2/tweets", self._guarded("lookups", self._lookup))
        Controls(self._x).register(app)

    def check(self, fault: AnyFault) -> None:
        """Refuse what tweets cannot do; raises ValueError."""
        if not fault.path.startswith(BASE):
            return
        if isinstance(fault, BadRows) and fault.how is not None:
            raise ValueError("X breaks its tweets in turn: leave `how` out")
        if isinstance(fault, MovingRows) and fault.mode == "update_front":
            raise ValueError("tweets keep their places: `mode` must be insert_early or delete_early")

    async def live(self) -> None:
        """Let a little happen every so many seconds; with 0, never."""
        while self._change_every_seconds > 0:
            await asyncio.sleep(self._change_every_seconds)
            self._x.tweets.tick()

    def _guarded(self, endpoint: str, answer: Answer) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The answer to a client that has the token, within the endpoint's budget, with headers on the window."""
        expected = f"Bearer {self._token}".encode()

        async def guard(request: web.Request) -> web.StreamResponse:
            x = self._x
            given = request.headers.get("Authorization", "").encode(errors="replace")
            if not hmac.compare_digest(given, expected):
                return json_answer(UNAUTHORIZED, status=401, headers=x.headers(endpoint))
            if not x.admits(endpoint):
                return json_answer(TOO_MANY, status=429, headers=x.headers(endpoint, refused=True))
            try:
                return json_answer(answer(request), headers=x.headers(endpoint))
            except InvalidRequestError as error:
                return json_answer(error.body, status=400, headers=x.headers(endpoint))

        return guard

    def _mentions(self, request: web.Request) -> Json:
        user_id, tweets = request.match_info["id"], self._x.tweets
        if not re.fullmatch(r"[0-9]{1,19}", user_id):
            said = f"The `id` query parameter value [{user_id}] does not match ^[0-9]{{1,19}}$"
            raise InvalidRequestError("id", user_id, said)
        wanted = mentions.read_wanted(request.query)
        if user_id != self._x.user_id:
            return {"errors": [user_not_found(user_id)]}
        cap = min([fault.size for _, fault in struck_by(request, PageCap)], default=mentions.LARGEST_SIZE)
        with tweets.lock:
            ids, token = mentions.page_ids(tweets, wanted, reach=self._x.settings.reach, cap=cap)
            shown = [tweet for tweet in map(tweets.get, ids) if tweet is not None and tweets.is_listed(tweet.id)]
            rows = [tweet.as_json(_fields(request)) for tweet in shown]
            for order, fault in struck_by(request, MovingRows):
                order.touched += move(tweets, [tweet.id for tweet in shown], fault)
        page = mentions.body(rows, token)
        return _broken(request, page)

    def _lookup(self, request: web.Request) -> Json:
        ids = read_ids(request.query.get("ids"))
        self._x.looked_up(ids)
        return _broken(request, look_up(self._x, ids, _fields(request)))


def _fields(request: web.Request) -> list[str]:
    return request.query.get("tweet.fields", "").split(",")


def _broken(request: web.Request, page: Json) -> Json:
    """The page with as many rows broken as faults want."""
    for _, fault in struck_by(request, BadRows):
        if "data" in page:
            page = {**page, "data": spoiled(page["data"], fault.rows)}
    return page
