"""Where the web app listens: by which URL this machine reaches it, and who else can."""

from __future__ import annotations

import ipaddress
import socket

from syncline.settings import Settings

__all__ = ["no_tls_warning", "web_url"]

_ALL_ADDRESSES = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
"""What stands for each address of the machine, and the one of them by which it reaches itself."""


def web_url(settings: Settings) -> str:
    """The URL by which this machine reaches the web app, without a slash at its end."""
    host = _ALL_ADDRESSES.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.web_port}"


def no_tls_warning(settings: Settings) -> str | None:
    """A warning, in one line, if other machines reach the web app, which has no TLS; None if none does."""
    if _is_loopback(settings.host):
        return None
    return (
        f"SYNCLINE_HOST {settings.host} is reached from other machines, and the web app has no TLS: tokens and secrets "
        "can be read on the way. Put a proxy with TLS in front of it"
    )


def _is_loopback(host: str) -> bool:
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in found)
