"""Who may call: routes that check the caller's credential before they read anything else of the request.

A token names a user or an operator; outside schedulers and monitors send a secret of the settings.
"""

import hmac
import math
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, cast

from fastapi import Depends, HTTPException, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import SecretStr

from syncline.errors import ConfigurationError
from web import context, tokens
from web.tokens import Caller, Role, require_long

__all__ = [
    "CRON_SECRET",
    "INTERNAL_API_KEY",
    "TOKEN",
    "USER_TOKEN",
    "Actor",
    "Calling",
    "CronRoute",
    "GuardedRoute",
    "InternalRoute",
    "UserRoute",
]


class _WrongCredentialError(Exception):
    """The credential is missing, or is not the right one."""

    def __init__(self, message: str, challenge: str, *, guessed: bool) -> None:
        """`challenge` is the header WWW-Authenticate; `guessed` says that it counts as a wrong credential."""
        self.message = message
        self.challenge = challenge
        self.guessed = guessed
        super().__init__(message)


def _checked_by(check: Callable[[Request], None]) -> type[APIRoute]:
    """Routes that `check` each request first; it raises _WrongCredentialError, or ConfigurationError for no secret."""

    class Guarded(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            inner = super().get_route_handler()

            async def guarded(request: Request) -> Response:
                _admit(request, check)
                return await inner(request)

            return guarded

    return Guarded


def _admit(request: Request, check: Callable[[Request], None]) -> None:
    attempts = context.of(request).attempts
    address = request.client.host if request.client is not None else ""
    left = math.ceil(attempts.seconds_left(address))
    if left:
        message = f"too many wrong credentials came from this address: try again in {left} seconds"
        raise HTTPException(429, message, headers={"Retry-After": str(left)})
    try:
        check(request)
    except _WrongCredentialError as error:
        if error.guessed:
            attempts.wrong(address)
        raise HTTPException(401, error.message, headers={"WWW-Authenticate": error.challenge}) from None
    except ConfigurationError as error:  # the secret is not set: the message names the setting
        raise HTTPException(503, str(error)) from None


_HOW = "HS256, signed with SYNCLINE_JWT_SECRET; see `syncline token`"


def _check(request: Request) -> None:
    """Store the caller in the request; raise if the token is not valid."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    settings = context.of(request).settings
    tokens.require_secret(settings)
    if scheme.lower() != "bearer" or not token.strip():
        message = "a token is needed: send the header Authorization: Bearer TOKEN"
        raise _WrongCredentialError(message, "Bearer", guessed=bool(token.strip()))
    try:
        caller = tokens.verify(settings, token.strip())
    except tokens.InvalidTokenError as error:
        guessed = not isinstance(error, tokens.ExpiredTokenError)
        raise _WrongCredentialError(str(error), 'Bearer error="invalid_token"', guessed=guessed) from None
    request.state.caller = caller
    request.state.trusted = caller.role is Role.OPERATOR


def _check_operator(request: Request) -> None:
    _check(request)
    if _caller(request).role is not Role.OPERATOR:
        message = "this is for operators: the token's claim role must be operator, as `syncline token` makes it"
        raise HTTPException(403, message)


def _caller(request: Request) -> Caller:
    return cast("Caller", request.state.caller)


def _actor(request: Request) -> str:
    return _caller(request).subject


GuardedRoute = _checked_by(_check_operator)
"""Admits an operator's token."""
UserRoute = _checked_by(_check)
"""Admits every token of ours; what it answers depends on `Calling`."""
Calling = Annotated[Caller, Depends(_caller)]
"""Who calls, and as what."""
Actor = Annotated[str, Depends(_actor)]
"""The caller's name, for the audit log."""
TOKEN = Security(HTTPBearer(auto_error=False, bearerFormat="JWT", description=f"an operator's: {_HOW}"))
"""Tells OpenAPI's readers that a token is needed; `GuardedRoute` is what checks it."""
USER_TOKEN = Security(
    HTTPBearer(auto_error=False, bearerFormat="JWT", scheme_name="UserToken", description=f"of any user: {_HOW}")
)
"""The same of `UserRoute`."""


def _check_cron(request: Request) -> None:
    secret = context.of(request).settings.cron_secret
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    if not _opens(sent.strip() if scheme.lower() == "bearer" else "", secret, "CRON_SECRET", "it opens /api/cron"):
        message = "this call needs the header Authorization: Bearer CRON_SECRET, with the instance's secret"
        raise _WrongCredentialError(message, "Bearer", guessed=bool(sent.strip()))
    request.state.trusted = True


def _check_internal(request: Request) -> None:
    secret = context.of(request).settings.internal_api_key
    sent = request.headers.get("x-api-key", "")
    if not _opens(sent, secret, "INTERNAL_API_KEY", "it opens /api/sync/status and /queue-stats"):
        message = "this call needs the header x-api-key: INTERNAL_API_KEY, with the instance's key"
        raise _WrongCredentialError(message, "ApiKey", guessed=bool(sent))
    request.state.trusted = True


def _opens(sent: str, secret: SecretStr | None, setting: str, purpose: str) -> bool:
    """Whether `sent` is the secret; it takes as long however much of it is right.

    Raises:
        ConfigurationError: the secret is not set, or too short: the call is refused.
    """
    expected = require_long("" if secret is None else secret.get_secret_value(), setting, purpose)
    return hmac.compare_digest(sent.encode("latin-1"), expected.encode())  # headers come as bytes, read as Latin-1


CronRoute = _checked_by(_check_cron)
"""Admits `Authorization: Bearer CRON_SECRET`."""
InternalRoute = _checked_by(_check_internal)
"""Admits `x-api-key: INTERNAL_API_KEY`."""
CRON_SECRET = Security(HTTPBearer(auto_error=False, scheme_name="CronSecret", description="the setting CRON_SECRET"))
"""Tells OpenAPI's readers what `CronRoute` checks."""
INTERNAL_API_KEY = Security(
    APIKeyHeader(
        name="x-api-key", auto_error=False, scheme_name="InternalKey", description="the setting INTERNAL_API_KEY"
    )
)
"""Tells OpenAPI's readers what `InternalRoute` checks."""
