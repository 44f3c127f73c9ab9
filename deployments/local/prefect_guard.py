"""Who may speak to Prefect's server: programs of this machine, and the pages that the server itself has sent.

A web page that the user visits can send requests to the loopback address too. The browser names the page in `Origin`
(and what kind of request it is in `Sec-Fetch-Site`), or, where a name of the attacker's was made to point to this
machine (DNS rebinding), in `Host`. Programs send neither another `Host` nor an `Origin`.

The UI's pages would tell a third party of each visit; a policy that each answer carries has the browser refuse that.
"""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

__all__ = ["LOOPBACK", "PrefectGuard"]

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""What this machine calls itself."""
_PAGE_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self' 'unsafe-inline' data: blob:; frame-ancestors 'none'; form-action 'self'; base-uri 'self'",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
"""No page asks another server for anything, and none of another site frames one."""
_REFUSED_CLOSE_CODE = 1008
"""Policy violation, by RFC 6455, section 7.4.1."""


class PrefectGuard:
    """An ASGI app around Prefect's: refuses foreign hosts (400) and foreign pages (403), also for websockets.

    The port is not compared with the server's: a browser behind a tunnel has another one in `Host`, and only
    the name tells a page of another site.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Guard `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        problem = None if scope["type"] == "lifespan" else _problem(scope)
        if problem is None:
            await self._app(scope, receive, _with_headers(send) if scope["type"] == "http" else send)
        elif scope["type"] == "websocket":
            await WebSocketClose(code=_REFUSED_CLOSE_CODE, reason=problem[1])(scope, receive, send)
        else:
            await PlainTextResponse(f"{problem[1]}\n", status_code=problem[0])(scope, receive, send)


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_PAGE_HEADERS]
        await send(message)

    return sent


def _problem(scope: Scope) -> tuple[HTTPStatus, str] | None:
    headers = Headers(scope=scope)
    hosts, origins = headers.getlist("host"), headers.getlist("origin")
    if len(hosts) != 1 or _name(f"//{hosts[0]}") not in LOOPBACK:
        return HTTPStatus.BAD_REQUEST, "this server answers to 127.0.0.1 and localhost alone"
    if any(not _is_own(origin, hosts[0]) for origin in origins) or _is_of_other_page(scope, headers):
        return HTTPStatus.FORBIDDEN, "pages of other origins may not speak to this server"
    return None


def _name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _is_own(origin: str, host: str) -> bool:
    """Whether a page of this server sent it, by whichever name of this machine its user called it."""
    if not origin.startswith("http://"):
        return False
    try:
        page, server = urlsplit(origin), urlsplit(f"//{host}")
        same_port = page.port == server.port
    except ValueError:  # a port that is no number
        return False
    return same_port and page.hostname in LOOPBACK


def _is_of_other_page(scope: Scope, headers: Headers) -> bool:
    """Whether the browser says that another page asks for more than to follow a link to this one.

    A form that is posted is a navigation too, so only GET passes.
    """
    if headers.get("sec-fetch-site", "none") in {"none", "same-origin"}:
        return False
    is_link = scope["type"] == "http" and scope["method"] == "GET" and headers.get("sec-fetch-mode") == "navigate"
    return not is_link
