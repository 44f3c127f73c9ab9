"""The shared app: upstreams in the middle, faults around them, the log around those."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from functools import partial

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.answers import ConnectionDropped, RefusedError, error_answer
from sandbox.clock import Clock, stamp
from sandbox.control import register_controls
from sandbox.fault_book import FaultBook, Order, of_kind
from sandbox.faults import Decisive, Latency
from sandbox.requests_log import Entry, RequestLog
from sandbox.strikes import struck_answer
from sandbox.upstream import STRUCK, Upstream

CONTROLS = "/sandbox/"
LARGEST_BODY_BYTES = 16 * 1024**2

ENTRY = web.RequestKey("entry", Entry)


def build_app(upstreams: Sequence[Upstream], *, faults: FaultBook, log: RequestLog, clock: Clock) -> web.Application:
    """One app that serves all upstreams, and the controls under /sandbox/."""
    closing = asyncio.Event()
    app = web.Application(
        middlewares=[_logging(log, clock), _striking(faults, clock, closing), _plain_errors],
        client_max_size=LARGEST_BODY_BYTES,
    )
    for upstream in upstreams:
        upstream.register(app)
        app.cleanup_ctx.append(partial(_living, upstream))
    register_controls(app, faults=faults, log=log)
    app.on_shutdown.append(partial(_close, closing))
    return app


async def _close(closing: asyncio.Event, _app: web.Application) -> None:
    closing.set()


async def _living(upstream: Upstream, _app: web.Application) -> AsyncIterator[None]:
    life = asyncio.ensure_future(upstream.live())
    yield
    life.cancel()
    with suppress(asyncio.CancelledError):
        await life


def _logging(log: RequestLog, clock: Clock) -> Middleware:
    @web.middleware
    async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(CONTROLS):
            return await handler(request)
        entry = request[ENTRY] = _entry(request, stamp(clock()))
        log.add(entry)
        try:
            response = await handler(request)
        except ConnectionDropped:
            return web.Response()
        entry.status = response.status
        return response

    return record


def _entry(request: web.Request, time: str) -> Entry:
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    return Entry(
        time=time,
        method=request.method,
        path=request.path,
        query=request.rel_url.raw_query_string,
        range=request.headers.get("Range"),
        client=f"{peer[0]}:{peer[1]}" if peer else None,
    )


def _striking(faults: FaultBook, clock: Clock, closing: asyncio.Event) -> Middleware:
    @web.middleware
    async def strike(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(CONTROLS):
            return await handler(request)
        orders = request[STRUCK] = faults.strike(request.path)
        request[ENTRY].faults = tuple(order.kind for order in orders)
        for order, latency in of_kind(orders, Latency):
            await _wait(closing, order, latency.seconds)
        respond = partial(handler, request)
        decisive = next((order.fault for order in orders if isinstance(order.fault, Decisive)), None)
        if decisive is None:
            return await respond()
        return await struck_answer(request, decisive, respond, now=clock(), closing=closing)

    return strike


async def _wait(closing: asyncio.Event, order: Order, seconds: float | None) -> None:
    """Wait until the time is over, the order is removed or the sandbox ends."""
    closed = asyncio.ensure_future(closing.wait())
    try:
        await asyncio.wait(
            (closed, asyncio.wrap_future(order.removed)), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        closed.cancel()


@web.middleware
async def _plain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except RefusedError as refused:
        return error_answer(refused.status, str(refused), refused.headers)
    except web.HTTPException as error:
        allowed = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        return error_answer(error.status, f"{error.reason}: {request.method} {request.path}.", allowed)
