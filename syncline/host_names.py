"""Names of hosts and networks, as settings list them: divided by commas."""

import re
from ipaddress import ip_address, ip_network
from typing import Annotated

from pydantic import AfterValidator

__all__ = ["HostNames", "Networks", "listed"]

_HOST_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


def listed(text: str) -> tuple[str, ...]:
    """The items of a list that is written with commas."""
    return tuple(item.strip() for item in text.split(",") if item.strip())


def _host_names(text: str) -> str:
    for name in listed(text):
        if not _HOST_NAME.fullmatch(name) and not _is_address(name):
            raise ValueError("name hosts, divided by commas, without scheme, port or *: sync.example.com,10.0.0.5")
    return text


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _networks(text: str) -> str:
    for item in listed(text):
        try:
            ip_network(item)
        except ValueError:
            raise ValueError("name addresses or networks, divided by commas: 10.0.0.5,192.168.1.0/24") from None
    return text


HostNames = Annotated[str, AfterValidator(_host_names)]
"""Names or addresses of hosts."""
Networks = Annotated[str, AfterValidator(_networks)]
"""Addresses or networks, as `ipaddress` reads them."""
