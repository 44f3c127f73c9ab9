"""The API's tokens: JSON Web Tokens (RFC 7519), signed with HS256 and `SYNCLINE_JWT_SECRET`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import jwt

from syncline.errors import MissingSettingError

if TYPE_CHECKING:
    from syncline.settings import Settings

__all__ = ["InvalidTokenError", "issue", "require_secret", "verify"]

_ALGORITHM = "HS256"
_CHECKS: Any = {"verify_aud": False, "verify_iss": False, "verify_iat": False, "verify_sub": False}
"""Tokens of the user's own application serve too, whomever else they address and however exact its clock is."""


class InvalidTokenError(Exception):
    """The token is not one of ours, or no longer good; its text says which."""


def issue(settings: Settings, subject: str, ttl: timedelta) -> str:
    """A token by which `subject` may call the API for `ttl` from now on.

    Raises:
        MissingSettingError: there is no secret to sign with.
    """
    now = datetime.now(UTC)
    return jwt.encode({"sub": subject, "iat": now, "exp": now + ttl}, require_secret(settings), algorithm=_ALGORITHM)


def verify(settings: Settings, token: str) -> str:
    """Who the token was issued to: its `sub`, else its `userId`. An `exp` or `nbf` that it names is heeded.

    Raises:
        InvalidTokenError: it was not signed with our secret, is out of date, or names nobody.
        MissingSettingError: there is no secret to check with.
    """
    secret = require_secret(settings)
    try:
        claims = jwt.decode(token, secret, algorithms=[_ALGORITHM], options=_CHECKS)
    except jwt.ExpiredSignatureError:
        raise InvalidTokenError("the token has expired: get another one, as with `syncline token`") from None
    except jwt.ImmatureSignatureError:
        raise InvalidTokenError("the token is not yet good: its nbf lies in the future") from None
    except jwt.InvalidTokenError:
        raise InvalidTokenError("the token is not valid: it was not signed with SYNCLINE_JWT_SECRET (HS256)") from None
    return _subject(claims)


def _subject(claims: dict[str, Any]) -> str:
    for name in ("sub", "userId"):
        value = claims.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return str(value)
    raise InvalidTokenError("the token names nobody: it needs the claim sub (or userId)")


def require_secret(settings: Settings) -> str:
    """The secret that signs and checks.

    Raises:
        MissingSettingError: it is not set, or empty.
    """
    secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret is not None else ""
    if not secret:
        raise MissingSettingError("SYNCLINE_JWT_SECRET", "it signs the API's tokens (`syncline up` makes one)")
    return secret
