"""An upstream that enforces its limit: an exact sliding window over when requests arrive, 429 beyond.

`GET /work` is counted; `GET /ready` is not; `GET /down` answers 503; `GET /seen` tells what arrived.
"""

from __future__ import annotations

import argparse
import asyncio
import math
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
    def __init__(self, limit: int, period_seconds: float) -> None:
        self._window: deque[float] = deque(maxlen=limit)
        self._period_seconds = period_seconds
        self._seen = Seen()

    def app(self) -> web.Application:
        app = web.Application()
        for path, answer in (("work", self._work), ("ready", self._ready), ("down", self._down), ("seen", self._tell)):
            app.router.add_get(f"/{path}", answer)
        return app

    async def _work(self, request: web.Request) -> web.Response:
        del request
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


async def _serve(limit: int, period_seconds: float) -> None:
    runner = web.AppRunner(_Wall(limit, period_seconds).app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, _LOOPBACK, 0).start()
    print(f"http://{_LOOPBACK}:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, required=True)
    parser.add_argument("--period", type=float, required=True)
    options = parser.parse_args()
    asyncio.run(_serve(options.limit, options.period))
