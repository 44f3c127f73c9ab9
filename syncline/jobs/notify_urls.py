"""Where a user has notifications sent: Apprise URLs, which must not lead into the machines and networks around us.

The URL is written by a user, and our server follows it: without this check it would call what only it can reach (RFC
1918 networks, the cloud's metadata service, our own database). A name is looked up when something is sent, so the
sender has to check the addresses that it finds with `is_private` once more.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import parse_qsl, urlsplit

__all__ = ["MASK", "check", "is_private", "masked"]

MASK = "***"
"""What is shown in place of all that follows the scheme: most of these URLs have a token in them."""
_SCHEMES = frozenset(
    {"discord", "form", "forms", "gotify", "gotifys", "http", "https", "json", "jsons", "mailto", "mailtos", "matrix"}
    | {"matrixs", "mmost", "mmosts", "msteams", "ncloud", "nclouds", "ntfy", "ntfys", "pover", "rocket", "rockets"}
    | {"signal", "signals", "slack", "tgram", "workflows", "xml", "xmls"}
)
"""Services that are reached by HTTP or SMTP; others of Apprise speak to this machine's desktop or its log."""
_HOST_PARAMETERS = frozenset({"smtp", "host", "hostname"})
"""Parameters by which a URL names another host than its own."""
_LOCAL_NAMES = ("localhost", ".localhost", ".local", ".internal", ".lan", ".home.arpa")
_LONGEST = 1_000


def check(url: str, *, private_allowed: bool) -> None:
    """Refuse what is no Apprise URL, or leads to a private host where that is not allowed.

    Raises:
        ValueError: it cannot be used; the text says why, and repeats none of it.
    """
    if len(url) > _LONGEST or not url.isprintable() or " " in url:
        raise ValueError(f"is a URL of at most {_LONGEST:,} printable characters, without spaces")
    scheme, separator, rest = url.partition("://")
    if not separator or not rest or scheme.lower() not in _SCHEMES:
        raise ValueError("begins with the scheme of a service, as ntfys://, mailtos://, slack:// or jsons://")
    if rest.startswith(MASK):
        raise ValueError(f"is shown masked ({MASK}): send the URL itself, or leave notify_urls out to keep it")
    try:
        hosts = [urlsplit(url).hostname or "", *_named_hosts(urlsplit(url).query)]
    except ValueError:
        raise ValueError("is no URL: its host cannot be read") from None
    if not private_allowed and any(map(is_private, hosts)):
        raise ValueError("leads to a private host, which SYNCLINE_ACCOUNTS__NOTIFY_PRIVATE_HOSTS does not allow")


def is_private(host: str) -> bool:
    """Whether the host's address or name is one of this machine or of its networks."""
    name = host.strip("[]").rstrip(".").lower()
    if name.endswith(_LOCAL_NAMES) or not name:
        return name != ""  # an empty one is that of a service which has no host of the user's
    try:
        return not ip_address(name.partition("%")[0]).is_global
    except ValueError:
        return name.replace(".", "").isdigit() or name.startswith("0x")  # 127.1 and 2130706433 are addresses too


def masked(url: str) -> str:
    """The URL as it may be shown: its scheme alone."""
    return f"{url.partition('://')[0]}://{MASK}"


def _named_hosts(query: str) -> list[str]:
    return [value.partition(":")[0] for name, value in parse_qsl(query) if name.lower() in _HOST_PARAMETERS]
