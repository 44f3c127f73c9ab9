"""Somebody else's API, as a source declares it; its address and credentials are settings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from syncline.errors import ConfigurationError

__all__ = ["Auth", "Upstream"]


class Auth(StrEnum):
    """How requests say who we are; the secrets come from `SYNCLINE_UPSTREAMS__NAME__…`."""

    NONE = "none"
    BEARER = "bearer"
    """`Authorization: Bearer TOKEN`; setting TOKEN."""
    BASIC = "basic"
    """`Authorization: Basic …`; settings USERNAME and PASSWORD."""
    HEADER = "header"
    """The token stands in a header of the upstream's own, `auth_name`; setting TOKEN."""
    QUERY = "query"
    """The token stands in a query parameter, `auth_name`; setting TOKEN."""


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """One API: what all sources that call it share.

    Attributes:
        name: lower case; names the settings `SYNCLINE_UPSTREAMS__NAME__BASE_URL`, `__TOKEN`, …
        auth: how requests are authenticated.
        auth_name: the header or query parameter that carries the token, for `Auth.HEADER` and `Auth.QUERY`.
        timeout_seconds: how long one request may take to connect, and to go on answering.
        max_in_flight: how many requests may be under way at once, over all sources of one process.
    """

    name: str
    auth: Auth = Auth.NONE
    auth_name: str = "X-API-Key"
    timeout_seconds: float = 30
    max_in_flight: int = 8

    def __post_init__(self) -> None:
        """Refuse a name that cannot name a setting."""
        if not self.name.isidentifier() or self.name != self.name.lower():
            raise ConfigurationError(f"an upstream's name is a lower-case word, but is {self.name!r}")
        if self.max_in_flight < 1:
            raise ConfigurationError(f"Upstream.max_in_flight must be at least 1, but is {self.max_in_flight}")
