"""What each fault does to an answer."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from email.utils import format_datetime
from math import ceil

from aiohttp import web

from sandbox.answers import ConnectionDropped, error_answer, json_answer
from sandbox.faults import (
    CutBody,
    Decisive,
    Drop,
    Hang,
    Html,
    Malformed,
    RateLimited,
    Status,
    Unauthorized,
)

Respond = Callable[[], Awaitable[web.StreamResponse]]

ERROR_PAGE = """<!doctype html>
<html><head><title>Something went wrong</title></head>
<body><h1>We'll be right back</h1><p>Our site is undergoing maintenance.</p></body></html>
"""


async def struck_answer(
    request: web.Request, fault: Decisive, respond: Respond, *, now: datetime, closing: asyncio.Event
) -> web.StreamResponse:
    """The answer as the fault leaves it.

    Raises:
        ConnectionDropped: there is none.
    """
    match fault:
        case Drop():
            return drop(request)
        case Hang():
            return await hang(request, fault, closing)
        case CutBody():
            return await cut(request, await respond())
        case Malformed():
            return halve(await respond())
        case _:
            return instead(fault, now)


def instead(fault: RateLimited | Status | Unauthorized | Html, now: datetime) -> web.Response:
    """The answer that stands in for the real one, which is not even made."""
    match fault:
        case RateLimited():
            headers = {**fault.headers, **retry_after(fault, now)}
            return error_answer(fault.code, "Too many requests.", headers)
        case Unauthorized():
            return error_answer(fault.code, "The credentials are refused.", {"WWW-Authenticate": "Bearer"})
        case Html():
            return web.Response(text=ERROR_PAGE, content_type="text/html")
        case Status():
            return status_answer(fault)


def retry_after(fault: RateLimited, now: datetime) -> dict[str, str]:
    """The Retry-After header (RFC 9110, section 10.2.3), or none."""
    if fault.retry_after is None:
        return {}
    if fault.form == "seconds":
        return {"Retry-After": f"{fault.retry_after:g}"}
    whole_second = (now + timedelta(seconds=ceil(fault.retry_after))).replace(microsecond=0)
    return {"Retry-After": format_datetime(whole_second, usegmt=True)}


def status_answer(fault: Status) -> web.Response:
    """The ordered status with the ordered body."""
    if fault.body is None:
        return error_answer(fault.code, "The server failed to answer.", fault.headers)
    if isinstance(fault.body, str):
        return web.Response(text=fault.body, status=fault.code, headers=fault.headers)
    return json_answer(fault.body, status=fault.code, headers=fault.headers)


def drop(request: web.Request) -> web.Response:
    """End the connection at once; what is buffered is lost."""
    if request.transport is not None:
        request.transport.abort()
    raise ConnectionDropped


async def hang(request: web.Request, fault: Hang, closing: asyncio.Event) -> web.Response:
    """Keep silent until the client leaves (which cancels this), the time is over or the sandbox ends."""
    with suppress(TimeoutError):
        await asyncio.wait_for(closing.wait(), fault.seconds)
    return drop(request)


async def cut(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Promise the whole body, send half of it and close."""
    body = body_of(response)
    half = web.StreamResponse(status=response.status, headers=response.headers)
    half.content_length = len(body)
    half.force_close()
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return half


def halve(response: web.StreamResponse) -> web.Response:
    """Half of the body with the length of that half."""
    body = body_of(response)
    headers = response.headers.copy()
    headers.popall("Content-Length", None)
    return web.Response(status=response.status, headers=headers, body=body[: len(body) // 2])


def body_of(response: web.StreamResponse) -> bytes:
    """The bytes of an answer that was made but not sent."""
    body = response.body if isinstance(response, web.Response) else b""
    return bytes(body) if isinstance(body, bytes | bytearray) else b""
