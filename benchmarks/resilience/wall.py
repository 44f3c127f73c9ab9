"""An upstream that enforces its limit: an exact sliding window over when requests arrive, 429 beyond.

`GET /work` is counted; `GET /ready` is not; `GET /down` answers 503; `GET /seen` tells what arrived. A request for work
may be held up on its way here, and its answer on the way back, each for as long as a die says.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import time
from collections import deque

import msgspec
from aiohttp import web

__all__ = ["Seen"]

_LOOPBACK = "127.0.0.1"


class Seen(msgspec.Struct, kw_only=True):
    """What arrived.

    Attributes:
        accepted: when the accepted requests arrived, in seconds of a clock of its own.
        refused: how many were answered 429.
        down: how many came to what is down.
    """

    accepted: list[float] = []
    refused: int = 0
    down: int = 0


class _Wall:
    def __init__(self, limit: int, period_seconds: float, ways_seconds: tuple[float, float]) -> None:
        self._window: deque[float] = deque(maxlen=limit)
        self._period_seconds = period_seconds
        self._seen = Seen()
        self._ways_seconds = ways_seconds

    def app(self) -> web.Application:
        app = web.Application()
        for path, answer in (("work", self._work), ("ready", self._ready), ("down", self._down), ("seen", self._tell)):
            app.router.add_get(f"/{path}", answer)
        return app

    async def _work(self, request: web.Request) -> web.Response:
        del request
        await self._on_the_way()
        answer = self._counted()
        await self._on_the_way()
        return answer

    async def _on_the_way(self) -> None:
        if self._ways_seconds[1]:
            await asyncio.sleep(random.uniform(*self._ways_seconds))  # noqa: S311 - a network's dice

    def _counted(self) -> web.Response:
        now, window = time.monotonic(), self._window
        if len(window) == window.maxlen and now - window[0] < self._period_seconds:
            self._seen.refused += 1
            wait = math.ceil(window[0] + self._period_seconds - now)
            return web.json_response({}, status=429, headers={"Retry-After": str(wait)})
        window.append(now)
        self._seen.accepted.append(now)
        return web.json_response({})

    async def _ready(self, request: web.Request) -> web.Response:
        del request
        return web.json_response({})

    async def _down(self, request: web.Request) -> web.Response:
        del request
        self._seen.down += 1
        return web.json_response({}, status=503)

    async def _tell(self, request: web.Request) -> web.Response:
        del request
        return web.Response(body=msgspec.json.encode(self._seen), content_type="application/json")


async def _serve(wall: _Wall) -> None:
    runner = web.AppRunner(wall.app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, _LOOPBACK, 0).start()
    print(f"http://{_LOOPBACK}:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, required=True)
    parser.add_argument("--period", type=float, required=True)
    parser.add_argument("--ways", type=float, nargs=2, default=(0.0, 0.0), help="shortest and longest, in seconds")
    options = parser.parse_args()
    asyncio.run(_serve(_Wall(options.limit, options.period, tuple(options.ways))))
