"""Who we are to an upstream: the signers that settings make, and how requests are signed and secrets hidden.

Credentials leave their settings only here.
"""

import asyncio
import hashlib
import hmac
import json
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import httpx
from pydantic import SecretStr

from syncline.errors import MissingSettingError
from syncline.kernel_settings import KernelSettings
from syncline.model.upstream import Auth, Upstream
from syncline.upstreams.masks import MASK, Masks, forms

__all__ = [
    "FixedSigner",
    "Secrets",
    "Signer",
    "SigningTransport",
    "credential_settings",
    "is_sealed",
    "sealed",
    "signer_of",
]

_HIDDEN = "…"
_REMEMBERED = 3
"""Answers that repeat the credentials of so many refreshes ago may still be under way."""


class Signer(Protocol):
    """Knows the credentials of one account."""

    @property
    def secrets(self) -> Sequence[str]:
        """What must not be stored or shown; a refresh replaces secrets, and keeps their number and order."""
        ...

    @property
    def parameters(self) -> Sequence[str]:
        """The query parameters that it sets."""
        ...

    def sign(self, request: httpx.Request) -> None:
        """Add to `request`, which is ours alone, what says who we are."""
        ...

    async def refresh(self) -> bool:
        """Get credentials anew after a 401; False: there are none, and the account stays refused.

        Raises:
            UpstreamError: it could not be found out.
        """
        ...


class Secrets:
    """Hides what a signer knows, before and after each refresh, and puts it back into requests."""

    def __init__(self, signer: Signer) -> None:
        """Ask `signer` for its secrets."""
        self._signer = signer
        self._known = [Masks(tuple(signer.secrets), tuple(signer.parameters))]

    @property
    def masks(self) -> Masks:
        """The masks of the present secrets: what stands for an earlier one stands for what has replaced it."""
        self._look()
        return self._known[0]

    def hide(self, content: bytes) -> bytes:
        """`content` with a mask in place of each secret."""
        self._look()
        for masks in self._known:
            content = masks.hide(content)
        return content

    def hide_text(self, text: str) -> str:
        """As `hide`."""
        return self.hide(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def hide_headers(self, headers: httpx.Headers) -> httpx.Headers:
        """As `hide`; the same headers if nothing is to hide."""
        self._look()
        values = b"\n".join(value for _, value in headers.raw)
        if not any(masks.are_needed(values) for masks in self._known):
            return headers
        return httpx.Headers([(name, self.hide(value)) for name, value in headers.raw])

    def redact(self, text: str) -> str:
        """`text` for people, without any secret."""
        self._look()
        for form in (form for masks in self._known for secret in masks.secrets for form in forms(secret)):
            text = text.replace(form, _HIDDEN)
        return text

    def _look(self) -> None:
        """Notice a refresh, also one that the signer made of its own accord."""
        if tuple(self._signer.secrets) != self._known[0].secrets:
            masks = Masks(tuple(self._signer.secrets), tuple(self._signer.parameters))
            self._known = [masks, *self._known[:_REMEMBERED]]


class SigningTransport(httpx.AsyncBaseTransport):
    """Signs requests on their way to another transport, behind everything that logs or raises with a request.

    Attributes:
        sent: how many passed: redirects, and those that failed, included.
        refreshes: how often the signer was asked for new credentials.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, signer: Signer, secrets: Secrets) -> None:
        """Sign by `signer`, send by `inner`."""
        self.sent = 0
        self.refreshes = 0
        self._inner = inner
        self._signer = signer
        self._secrets = secrets
        self._refreshing = asyncio.Lock()
        self._is_renewed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a signed copy of `request`, with our secrets in place of their masks."""
        masks, url, headers = self._secrets.masks, request.url, request.headers.copy()
        if MASK in str(url):
            url = httpx.URL(masks.reveal_in_url(str(url)))
        if any(MASK in value for value in headers.values()):
            headers = httpx.Headers([(name, masks.reveal(value)) for name, value in headers.multi_items()])
        body = await request.aread() or None  # a stream, even an empty one, would be sent as a chunked body
        if body is not None and MASK.encode() in body:
            body = masks.reveal_in_body(body, headers.get("content-type", ""))
            headers["content-length"] = str(len(body))
        signed = httpx.Request(request.method, url, headers=headers, content=body, extensions=request.extensions)
        self._signer.sign(signed)
        self.sent += 1
        return await self._inner.handle_async_request(signed)

    async def has_renewed(self, refreshes: int) -> bool:
        """Whether there are other credentials now than after so many `refreshes`; asks the signer at most once.

        Several requests may be under way when a token expires: one refresh serves all of them.
        """
        async with self._refreshing:
            if self.refreshes == refreshes:
                self._is_renewed = await self._signer.refresh()
                self.refreshes += 1
            return self._is_renewed

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


_SALT_BYTES = 16
_WORK = 2**14
"""scrypt's `n`: a digest takes some 50 ms and 16 MB, so that guessing what it was made of is too slow."""


@dataclass(frozen=True, kw_only=True)
class FixedSigner:
    """Signs with the credentials in the settings, which only the operator can renew.

    Attributes:
        headers: headers to set.
        query: parameters to set.
        secrets: what of it must not be stored or shown.
    """

    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    query: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def parameters(self) -> Sequence[str]:
        """The query parameters that it sets."""
        return tuple(self.query)

    def sign(self, request: httpx.Request) -> None:
        """Set headers and parameters."""
        request.headers.update(self.headers)
        if self.query:
            request.url = request.url.copy_merge_params(self.query)

    async def refresh(self) -> bool:
        """False: there is nothing to renew here."""
        return False


def signer_of(upstream: Upstream, settings: KernelSettings) -> FixedSigner:
    """Signs as `upstream.auth` asks for.

    Raises:
        MissingSettingError: a secret is not set; names the variable.
    """
    values = [
        _revealed(setting, value, upstream)
        for setting, value in zip(credential_settings(upstream), _values(upstream, settings), strict=True)
    ]
    match upstream.auth:
        case Auth.NONE:
            return FixedSigner()
        case Auth.BEARER:
            return FixedSigner(headers={"Authorization": f"Bearer {values[0]}"}, secrets=(values[0],))
        case Auth.BASIC:
            basic = b64encode(":".join(values).encode()).decode()
            return FixedSigner(headers={"Authorization": f"Basic {basic}"}, secrets=(basic, values[1]))
        case Auth.HEADER:
            return FixedSigner(headers={upstream.auth_name: values[0]}, secrets=(values[0],))
        case Auth.QUERY:
            return FixedSigner(query={upstream.auth_name: values[0]}, secrets=(values[0],))


def sealed(upstream: Upstream, settings: KernelSettings, *, salt: bytes = b"") -> str:
    """A slow, salted digest of the base URL and the credentials of `upstream`, to tell later whether they have changed.

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


def is_sealed(seal: str, upstream: Upstream, settings: KernelSettings) -> bool:
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


def _values(upstream: Upstream, settings: KernelSettings) -> tuple[SecretStr | str | None, ...]:
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
