"""Endpoints that check the caller's credential before they read anything else of the request."""

import math
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

from syncline.errors import ConfigurationError
from web import context

__all__ = ["WrongCredentialError", "behind"]


class WrongCredentialError(Exception):
    """The request does not open the door."""

    def __init__(self, message: str, challenge: str, *, guessed: bool) -> None:
        """`challenge` is the header WWW-Authenticate; `guessed` says that it counts as a wrong credential."""
        self.message = message
        self.challenge = challenge
        self.guessed = guessed
        super().__init__(message)


def behind(check: Callable[[Request], None]) -> type[APIRoute]:
    """Routes that `check` each request first; it raises WrongCredentialError, or ConfigurationError for no secret."""

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
    except WrongCredentialError as error:
        if error.guessed:
            attempts.wrong(address)
        raise HTTPException(401, error.message, headers={"WWW-Authenticate": error.challenge}) from None
    except ConfigurationError as error:  # the door has no secret: its message names the setting
        raise HTTPException(503, str(error)) from None
