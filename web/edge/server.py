"""uvicorn, set up so that no caller uses up the app."""

from starlette.types import ASGIApp
from uvicorn import Config, Server

from web.edge.limits import Limits
from web.edge.protocol import protocol_with

__all__ = ["make_server"]

_ENDING_SECONDS = 5
"""How long requests under way may take when the app is told to stop."""


def make_server(app: ASGIApp, *, limits: Limits, trusted_proxies: tuple[str, ...] = ()) -> Server:
    """A server of `app`; X-Forwarded-For names the caller only in requests of `trusted_proxies`."""
    config = Config(
        app,
        access_log=False,
        forwarded_allow_ips=list(trusted_proxies),
        h11_max_incomplete_event_size=limits.header_bytes,
        http=protocol_with(limits),  # pyright: ignore[reportArgumentType] - a class of protocols, or what makes them
        proxy_headers=bool(trusted_proxies),
        server_header=False,
        timeout_graceful_shutdown=_ENDING_SECONDS,
        ws="none",
    )
    config.timeout_keep_alive = limits.idle_seconds  # pyright: ignore[reportAttributeAccessIssue] - it takes parts of seconds too
    return Server(config)
