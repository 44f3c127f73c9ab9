"""How a new source says who it is: from what the user gave, and from the URL where a credential stands in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from syncline.errors import ConfigurationError
from syncline.model.upstream import Auth, Upstream

__all__ = ["Given", "Identity", "identify"]

_CREDENTIAL_PARAMETERS = frozenset(
    {"api_key", "apikey", "api-key", "key", "token", "access_token", "auth_token", "appid", "secret", "password"}
)
"""A query parameter of this name is taken for a credential: it belongs into a setting, not into the source's file."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the user gave.

    Attributes:
        token: a token.
        header: the header for it, where it is not `Authorization: Bearer`.
        user: who, for Basic authentication.
        password: with it.
    """

    token: str | None = field(default=None, repr=False)
    header: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """How requests are signed.

    Attributes:
        auth: the kind.
        auth_name: the header or parameter, where the kind has one.
        secrets: the settings that hold the credentials, by the end of their name.
    """

    auth: Auth = Auth.NONE
    auth_name: str = "X-API-Key"
    secrets: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    def upstream(self, name: str) -> Upstream:
        """An upstream that signs so."""
        return Upstream(name=name, auth=self.auth, auth_name=self.auth_name)


def identify(url: str, given: Given) -> tuple[str, Identity]:
    """The URL without any credential, and who we are.

    Raises:
        ConfigurationError: what was given contradicts itself.
    """
    parts = _split(url)
    _check(parts, given)
    query = parse_qsl(parts.query, keep_blank_values=True)
    found = next(((name, value) for name, value in query if name.lower() in _CREDENTIAL_PARAMETERS and value), None)
    if given.user is not None:
        return url, Identity(auth=Auth.BASIC, secrets={"USERNAME": given.user, "PASSWORD": given.password or ""})
    if given.token is not None and given.header is not None:
        return url, Identity(auth=Auth.HEADER, auth_name=given.header, secrets={"TOKEN": given.token})
    if given.token is not None:
        return url, Identity(auth=Auth.BEARER, secrets={"TOKEN": given.token})
    if found is None:
        return url, Identity()
    name, token = found
    rest = parts._replace(query=urlencode([pair for pair in query if pair[0] != name])).geturl()
    return rest, Identity(auth=Auth.QUERY, auth_name=name, secrets={"TOKEN": token})


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise ConfigurationError(f"--url is no URL: {error}") from None


def _check(parts: SplitResult, given: Given) -> None:
    if "@" in parts.netloc:
        raise ConfigurationError("--url must not contain credentials: give them with --user and --password")
    if given.token is not None and given.user is not None:
        raise ConfigurationError("give either --token or --user and --password, not both")
    if given.header is not None and given.token is None:
        raise ConfigurationError("--header names where the token goes: give --token or --token-env as well")
    if (given.user is None) != (given.password is None):
        raise ConfigurationError("--user and --password go together")
    for value in (given.token, given.header, given.user, given.password):
        if value is not None and (not value.strip() or not value.isprintable()):
            raise ConfigurationError("a token, header, user or password must be a line of text, and not empty")
