"""The outermost layer of the app: what is refused before any route is looked up, and what every answer carries."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from web.edge.answers import Refusal
from web.edge.exchange import Exchange
from web.edge.hosts import Hosts
from web.edge.limits import Limits
from web.edge.text import problem_of_target

__all__ = ["Edge"]

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_CHANGING_PATHS = ("/api/cron/",)
"""Here also a GET changes something: the seed's schedulers start runs so."""
_OWN_SITES = frozenset({"same-origin", "none"})
"""What browsers say in `Sec-Fetch-Site` of our own pages, and of an address that a person typed."""


class Edge:
    """An ASGI app around another one."""

    def __init__(self, app: ASGIApp, *, hosts: Hosts, limits: Limits) -> None:
        self._app = app
        self._hosts = hosts
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or let the app do so."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send, self._limits)
        try:
            self._check(scope)
        except Refusal as refusal:
            await exchange.refuse(refusal)
            return
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        inner = {**scope, "method": method, "state": dict(scope.get("state", {}))}
        await self._app(inner, exchange.receive, exchange.send)

    def _check(self, scope: Scope) -> None:
        """Raise the refusal that the request gets, if any; the cheapest checks come first."""
        self._check_size(scope)
        headers = Headers(scope=scope)
        self._check_host(scope, headers)
        self._check_origin(scope, headers)
        raw_path = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogatepass")
        problem = problem_of_target(raw_path, scope["query_string"])
        if problem is not None:
            raise Refusal(422, problem)

    def _check_size(self, scope: Scope) -> None:
        limits, query = self._limits, scope["query_string"]
        if len(scope.get("raw_path") or scope["path"]) + len(query) > limits.target_bytes:
            raise Refusal(414, f"path and query are longer than {limits.target_bytes} bytes")
        if query.count(b"&") >= limits.parameters:
            raise Refusal(414, f"the query has more than {limits.parameters} parameters")
        fields = scope["headers"]
        if len(fields) > limits.headers:
            raise Refusal(431, f"the request has more than {limits.headers} headers")
        if sum(len(name) + len(value) + 4 for name, value in fields) > limits.header_bytes:
            raise Refusal(431, f"the request's header is longer than {limits.header_bytes} bytes")
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and (len(declared) > len(str(limits.body_bytes)) or int(declared) > limits.body_bytes):
            raise Refusal(413, f"the body is longer than {limits.body_bytes} bytes")

    def _check_host(self, scope: Scope, headers: Headers) -> None:
        sent = headers.getlist("host")
        if len(sent) != 1:
            raise Refusal(400, "the request must have one header Host")
        reached = (scope.get("server") or (None,))[0]
        if not self._hosts.allows(sent[0], reached):
            raise Refusal(421, "this host name is not served here; if it is yours, add it to SYNCLINE_ALLOWED_HOSTS")

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        """A page of another origin changes nothing, whatever the browser sends along."""
        if scope["method"] in _SAFE and not scope["path"].startswith(_CHANGING_PATHS):
            return
        own = all(self._hosts.is_own_page(origin, headers["host"]) for origin in headers.getlist("origin"))
        if not own or headers.get("sec-fetch-site", "none").lower() not in _OWN_SITES:
            raise Refusal(403, "pages of another origin cannot change anything here (header Origin or Sec-Fetch-Site)")
