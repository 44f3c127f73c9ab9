"""The way to the network: httpx's API on aiohttp's sockets, which read big bodies several times faster."""

from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

__all__ = ["open_transport"]

_READ_BUFFER_BYTES = 1 << 18
_KEPT_OPEN_SECONDS = 4.0
"""Common servers close an idle connection after 5 s; one that they close as we use it costs an attempt."""
_LONGEST_HEADER_BYTES = 1 << 16
"""Link headers and cursors outgrow aiohttp's 8 KiB."""


def open_transport(base_url: httpx.URL, *, connections: int) -> httpx.AsyncBaseTransport:
    """A transport to `base_url` with as many `connections`, by the proxy that the environment names.

    aiohttp's own `trust_env` would also read ~/.netrc, and then refuse our Authorization header. Where the base URL is
    not secure, an answer may still redirect to TLS: aiohttp then verifies by the authorities that it has read already.
    """
    secure = base_url.scheme == "https"
    context = httpx.create_ssl_context(verify=secure)  # reading all authorities takes 20 ms
    proxy = None if proxy_bypass(base_url.host) else getproxies().get(base_url.scheme)

    def session() -> aiohttp.ClientSession:
        made = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections, ssl=context if secure else True, keepalive_timeout=_KEPT_OPEN_SECONDS
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=_READ_BUFFER_BYTES,
            max_line_size=_LONGEST_HEADER_BYTES,
            max_field_size=_LONGEST_HEADER_BYTES,
        )
        made._retry_connection = False  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - no other way, and what it sends again nobody has paid for
        return made

    return AiohttpTransport(verify=context, client=session, proxy=None if proxy is None else httpx.Proxy(proxy))
