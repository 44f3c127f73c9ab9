"""The API's door: who calls, by the token that the request carries."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, cast

from fastapi import Depends, HTTPException, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from web import context, tokens

__all__ = ["TOKEN", "Actor", "GuardedRoute"]

_scheme = HTTPBearer(
    auto_error=False, bearerFormat="JWT", description="HS256, signed with SYNCLINE_JWT_SECRET; see `syncline token`"
)


class GuardedRoute(APIRoute):
    """A route that checks the token before it reads anything else of the request."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler behind the door."""
        inner = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            request.state.actor = _admitted(request)
            return await inner(request)

        return guarded


def _admitted(request: Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    settings = context.of(request).settings
    try:
        if scheme.lower() == "bearer" and token.strip():
            return tokens.verify(settings, token.strip())
        tokens.require_secret(settings)
    except tokens.InvalidTokenError as error:
        raise _unauthorized(str(error), 'Bearer error="invalid_token"') from None
    raise _unauthorized("a token is needed: send the header Authorization: Bearer TOKEN", "Bearer")


def _unauthorized(message: str, challenge: str) -> HTTPException:
    return HTTPException(401, message, headers={"WWW-Authenticate": challenge})


def _actor(request: Request) -> str:
    return cast("str", request.state.actor)


Actor = Annotated[str, Depends(_actor)]
"""Who calls: stands in the audit log."""
TOKEN = Security(_scheme)
"""Tells OpenAPI's readers that a token is needed; `GuardedRoute` is what checks it."""
