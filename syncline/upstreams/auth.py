"""How a request says who we are; the only place where credentials leave their settings."""

import hashlib
import hmac
import json
import secrets
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import httpx
from pydantic import SecretStr

from syncline.errors import MissingSettingError
from syncline.model.upstream import Auth, Upstream
from syncline.settings import Settings
from syncline.upstreams.masks import MASK, Masks, forms

__all__ = ["Credentials", "SigningTransport", "credential_settings", "is_sealed", "read_credentials", "sealed"]

HIDDEN = "…"
_SALT_BYTES = 16
_WORK = 2**14
"""How slow a digest is, by scrypt's `n`: some 50 ms and 16 MB, so that nobody tries out what it was made of."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What is added to each request, and must show up nowhere else.

    Attributes:
        headers: headers to set.
        query: parameters to set.
        secrets: the secrets themselves.
    """

    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    query: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def redact(self, text: str) -> str:
        """`text` without any secret."""
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text

    @cached_property
    def masks(self) -> Masks:
        """What hides the secrets in answers, and puts them back into requests."""
        return Masks(self.secrets, tuple(self.query))

    @cached_property
    def _forms(self) -> tuple[str, ...]:
        return tuple(form for secret in self.secrets for form in forms(secret))


class SigningTransport(httpx.AsyncBaseTransport):
    """Signs requests on their way to another transport, behind everything that logs or raises with a request.

    Attributes:
        sent: how many passed: redirects, and those that failed, included.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, credentials: Credentials) -> None:
        """Sign with `credentials`, send by `inner`."""
        self.sent = 0
        self._inner = inner
        self._credentials = credentials

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a signed copy of `request`, with our secrets in place of their masks."""
        query, masks = self._credentials.query, self._credentials.masks
        url, headers = request.url, request.headers.copy()
        if MASK in str(url):
            url = httpx.URL(masks.reveal_in_url(str(url)))
        if any(MASK in value for value in headers.values()):
            headers = httpx.Headers([(name, masks.reveal(value)) for name, value in headers.multi_items()])
        if query:
            url = url.copy_merge_params(query)
        headers.update(self._credentials.headers)
        body = await request.aread() or None  # a stream, even an empty one, would be sent as a chunked body
        if body is not None and MASK.encode() in body:
            body = masks.reveal_in_body(body, headers.get("content-type", ""))
            headers["content-length"] = str(len(body))
        signed = httpx.Request(request.method, url, headers=headers, content=body, extensions=request.extensions)
        self.sent += 1
        return await self._inner.handle_async_request(signed)

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


def read_credentials(upstream: Upstream, settings: Settings) -> Credentials:
    """What `upstream.auth` asks for.

    Raises:
        MissingSettingError: a secret is not set; names the variable.
    """
    values = [
        _revealed(setting, value, upstream)
        for setting, value in zip(credential_settings(upstream), _values(upstream, settings), strict=True)
    ]
    match upstream.auth:
        case Auth.NONE:
            return Credentials()
        case Auth.BEARER:
            return Credentials(headers={"Authorization": f"Bearer {values[0]}"}, secrets=(values[0],))
        case Auth.BASIC:
            basic = b64encode(":".join(values).encode()).decode()
            return Credentials(headers={"Authorization": f"Basic {basic}"}, secrets=(basic, values[1]))
        case Auth.HEADER:
            return Credentials(headers={upstream.auth_name: values[0]}, secrets=(values[0],))
        case Auth.QUERY:
            return Credentials(query={upstream.auth_name: values[0]}, secrets=(values[0],))


def sealed(upstream: Upstream, settings: Settings, *, salt: bytes = b"") -> str:
    """A slow, salted digest of where `upstream` is and how it knows us: tells later whether that has changed.

    Raises:
        ConfigurationError: a setting is missing.
    """
    salt = salt or secrets.token_bytes(_SALT_BYTES)
    values = [
        _revealed(setting, value, upstream)
        for setting, value in zip(credential_settings(upstream), _values(upstream, settings), strict=True)
    ]
    known = json.dumps([settings.base_url(upstream.name), upstream.auth.value, upstream.auth_name, *values])
    digest = hashlib.scrypt(known.encode(), salt=salt, n=_WORK, r=8, p=1, dklen=32)
    return f"{salt.hex()}:{digest.hex()}"


def is_sealed(seal: str, upstream: Upstream, settings: Settings) -> bool:
    """Whether `seal` is the digest of these settings.

    Raises:
        ConfigurationError: a setting is missing.
    """
    salt = bytes.fromhex(seal.partition(":")[0])
    return hmac.compare_digest(seal, sealed(upstream, settings, salt=salt))


def credential_settings(upstream: Upstream) -> tuple[str, ...]:
    """The environment variables that `upstream.auth` reads."""
    prefix = f"SYNCLINE_UPSTREAMS__{upstream.name.upper()}__"
    match upstream.auth:
        case Auth.NONE:
            return ()
        case Auth.BASIC:
            return (f"{prefix}USERNAME", f"{prefix}PASSWORD")
        case _:
            return (f"{prefix}TOKEN",)


def _values(upstream: Upstream, settings: Settings) -> tuple[SecretStr | str | None, ...]:
    given = settings.upstream(upstream.name)
    match upstream.auth:
        case Auth.NONE:
            return ()
        case Auth.BASIC:
            return (given.username, given.password)
        case _:
            return (given.token,)


def _revealed(setting: str, value: SecretStr | str | None, upstream: Upstream) -> str:
    plain = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not plain:
        raise MissingSettingError(setting, f"the upstream {upstream.name!r} asks who we are ({upstream.auth.value})")
    return plain
