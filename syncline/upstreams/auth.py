"""The signers that settings make; the only place where credentials leave their settings."""

import hashlib
import hmac
import json
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpx
from pydantic import SecretStr

from syncline.errors import MissingSettingError
from syncline.model.upstream import Auth, Upstream
from syncline.settings import Settings

__all__ = ["FixedSigner", "credential_settings", "is_sealed", "sealed", "signer_of"]

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


def signer_of(upstream: Upstream, settings: Settings) -> FixedSigner:
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


def sealed(upstream: Upstream, settings: Settings, *, salt: bytes = b"") -> str:
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
