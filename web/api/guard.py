"""The API's door: who calls, by the token that the request carries."""

from typing import Annotated, cast

from fastapi import Depends, HTTPException, Request, Security
from fastapi.security import HTTPBearer

from web import context, tokens
from web.api.doors import WrongCredentialError, behind
from web.tokens import Caller, Role

__all__ = ["TOKEN", "USER_TOKEN", "Actor", "Calling", "GuardedRoute", "UserRoute"]

_HOW = "HS256, signed with SYNCLINE_JWT_SECRET; see `syncline token`"


def _check(request: Request) -> None:
    """Store the caller in the request; raise if the token is not valid."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    settings = context.of(request).settings
    tokens.require_secret(settings)
    if scheme.lower() != "bearer" or not token.strip():
        message = "a token is needed: send the header Authorization: Bearer TOKEN"
        raise WrongCredentialError(message, "Bearer", guessed=bool(token.strip()))
    try:
        caller = tokens.verify(settings, token.strip())
    except tokens.InvalidTokenError as error:
        guessed = not isinstance(error, tokens.ExpiredTokenError)
        raise WrongCredentialError(str(error), 'Bearer error="invalid_token"', guessed=guessed) from None
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


GuardedRoute = behind(_check_operator)
"""Opens to an operator's token."""
UserRoute = behind(_check)
"""Opens to every token of ours; what it answers depends on `Calling`."""
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
