"""The API's tokens: JSON Web Tokens (RFC 7519), signed with HS256 and `SYNCLINE_JWT_SECRET`."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import jwt

from syncline.errors import ConfigurationError, MissingSettingError
from syncline.settings import SECRET_BYTES, Settings
from web.edge.text import is_plain

__all__ = [
    "Caller",
    "ExpiredTokenError",
    "InvalidTokenError",
    "Role",
    "issue",
    "require_long",
    "require_secret",
    "verify",
]

_ALGORITHM = "HS256"
_CHECKS: Any = {
    "require": ["exp"],
    "verify_aud": False,
    "verify_iss": False,
    "verify_iat": False,
    "verify_jti": False,
    "verify_sub": False,
}
"""Tokens of the user's own application serve too, whomever else they address and however exact its clock is."""
_LONGEST = 4_096
"""Characters of a token; a longer one is not even decoded."""
_LONGEST_SUBJECT = 200


class Role(StrEnum):
    """What a token's bearer may do."""

    USER = "user"
    """See and steer what is their own."""
    OPERATOR = "operator"
    """See and steer all of the instance."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who calls.

    Attributes:
        subject: the token's `sub`, or the `userId` of the user's own application.
        role: its claim `role`; `user` unless that says `operator`.
    """

    subject: str
    role: Role


class InvalidTokenError(Exception):
    """The token is not one of ours, or no longer good; its text says which."""


class ExpiredTokenError(InvalidTokenError):
    """The token is ours and out of date, so that it counts as no attempt to guess one."""


def issue(settings: Settings, subject: str, ttl: timedelta, *, role: Role = Role.OPERATOR) -> str:
    """A token by which `subject` may call the API for `ttl` from now on.

    Raises:
        ConfigurationError: there is no secret to sign with, or it is too short.
    """
    now = datetime.now(UTC)
    claims = {"sub": subject, "role": role.value, "iat": now, "exp": now + ttl}
    return jwt.encode(claims, require_secret(settings), algorithm=_ALGORITHM)


def verify(settings: Settings, token: str) -> Caller:
    """Whom the token was issued to. It must have an `exp`; a `nbf` is obeyed.

    Raises:
        InvalidTokenError: it was not signed with our secret, is out of date, or has no subject.
        ConfigurationError: there is no secret to check with, or it is too short.
    """
    secret = require_secret(settings)
    if len(token) > _LONGEST:
        raise InvalidTokenError(f"the token is not valid: it is longer than {_LONGEST} characters")
    try:
        claims = jwt.decode(token, secret, algorithms=[_ALGORITHM], options=_CHECKS)
    except jwt.ExpiredSignatureError:
        raise ExpiredTokenError("the token has expired: get another one, as with `syncline token`") from None
    except jwt.ImmatureSignatureError:
        raise ExpiredTokenError("the token is not yet good: its nbf lies in the future") from None
    except jwt.MissingRequiredClaimError:
        raise InvalidTokenError("the token never expires: it needs the claim exp") from None
    except (jwt.InvalidTokenError, ValueError, OverflowError, RecursionError):
        raise InvalidTokenError("the token is not valid: it was not signed with SYNCLINE_JWT_SECRET (HS256)") from None
    return Caller(subject=_subject(claims), role=_role(claims))


def _subject(claims: dict[str, Any]) -> str:
    for name in ("sub", "userId"):
        value = claims.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return _storable(str(value), name)
    raise InvalidTokenError("the token names no user: it needs the claim sub (or userId)")


def _storable(subject: str, claim: str) -> str:
    if len(subject) > _LONGEST_SUBJECT or not is_plain(subject):
        raise InvalidTokenError(f"the token's {claim} must be text of at most {_LONGEST_SUBJECT} characters")
    return subject


def _role(claims: dict[str, Any]) -> Role:
    return Role.OPERATOR if claims.get("role") == Role.OPERATOR.value else Role.USER


def require_secret(settings: Settings) -> str:
    """The secret that signs and checks.

    Raises:
        MissingSettingError: it is not set, or empty.
        ConfigurationError: it is too short.
    """
    secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret is not None else ""
    return require_long(secret, "SYNCLINE_JWT_SECRET", "it signs the API's tokens")


def require_long(secret: str, setting: str, purpose: str) -> str:
    """`secret`, if it is long enough.

    Raises:
        MissingSettingError: it is empty.
        ConfigurationError: it is too short.
    """
    if not secret:
        raise MissingSettingError(setting, f"{purpose} (`syncline up` makes one)")
    if len(secret.encode()) < SECRET_BYTES:
        how = "take a longer one, or unset it and `syncline up` makes one"
        raise ConfigurationError(f"{setting} is shorter than {SECRET_BYTES} bytes, and {purpose}: {how}")
    return secret
