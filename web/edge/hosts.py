"""By which names the app may be called, and from which pages.

A page of another origin can have its own name resolve to 127.0.0.1 (DNS rebinding), and is then of our origin to the
browser; only the header Host tells. So names that are not ours are refused.
"""

import re
from dataclasses import dataclass
from ipaddress import ip_address

from syncline.settings import Settings

__all__ = ["Hosts"]

_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")
_SCHEMES = ("http://", "https://")


@dataclass(frozen=True, kw_only=True)
class Hosts:
    """The names that are ours.

    Attributes:
        listening: the address on which the app listens.
        named: further names, from `SYNCLINE_ALLOWED_HOSTS`.
    """

    listening: str
    named: frozenset[str]

    @classmethod
    def of(cls, settings: Settings) -> "Hosts":
        """As `settings` say."""
        return cls(listening=settings.host.lower(), named=settings.allowed_host_names)

    def allows(self, authority: str, reached: str | None) -> bool:
        """Whether a request may name us by `authority` (the header Host); `reached` is our end of its connection."""
        name = _name(authority)
        if name is None:
            return False
        if name in self.named or name in {self.listening, "localhost"} or _is_loopback(name):
            return True
        return not self._on_loopback_only() and reached is not None and name == reached.lower()

    def is_own_page(self, origin: str, authority: str) -> bool:
        """Whether a page of `origin` is ours, to a request that names us by `authority`.

        A proxy may have put another Host in place of the one that the browser sent: so a name of the setting counts.
        """
        scheme = next((scheme for scheme in _SCHEMES if origin.lower().startswith(scheme)), None)
        if scheme is None:
            return False
        there = origin[len(scheme) :].lower()
        return there == authority.lower() or _name(there) in self.named

    def _on_loopback_only(self) -> bool:
        return self.listening == "localhost" or _is_loopback(self.listening)


def _name(authority: str) -> str | None:
    """The name without a port, brackets and the dot of the root; None if it is none."""
    found = _AUTHORITY.fullmatch(authority)
    return None if found is None else found.group(1).lower().strip("[]").removesuffix(".")


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
