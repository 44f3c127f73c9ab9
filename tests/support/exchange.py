"""Exchanges with a server on the loopback that notes what arrives."""

from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from syncline.errors import UpstreamError
from syncline.upstreams.client import Received

__all__ = ["CHANGING", "METHODS", "SAFE", "Answer", "Arrived", "Exchange", "fine"]

METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "REPORT"]
CHANGING = ["POST", "PUT", "PATCH", "DELETE", "MKCALENDAR"]
SAFE = [method for method in METHODS if method not in CHANGING]

Answer = Callable[[web.Request], web.StreamResponse]
Exchange = Callable[..., list[Received | UpstreamError]]
"""Sends requests to a server whose `data` and `new` answer as they are told; gives each answer, or its error."""


@dataclass(kw_only=True)
class Arrived:
    """What came to the server: each request's method and path, headers and body."""

    lines: list[str] = field(default_factory=list[str])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    bodies: list[bytes] = field(default_factory=list[bytes])

    async def note(self, request: web.Request) -> None:
        """Add `request`."""
        self.lines.append(f"{request.method} {request.path_qs}")
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.bodies.append(await request.read())


def fine(request: web.Request) -> web.StreamResponse:
    """An empty list."""
    del request
    return web.json_response({"data": []})
