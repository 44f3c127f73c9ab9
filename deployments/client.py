"""Prefect's client, for a process of any environment: the settings say where the server is."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import get_current_settings

from syncline.errors import PrefectUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from syncline.settings import Settings

__all__ = ["open_client"]

_TIMEOUT = httpx.Timeout(15, connect=2)
_SERVER_ERROR = 500


@asynccontextmanager
async def open_client(settings: Settings) -> AsyncGenerator[PrefectClient]:
    """A client of the server that `settings` name.

    Raises:
        PrefectUnavailableError: it cannot be reached, now or while the client is used.
    """
    secret = get_current_settings().api.auth_string
    auth = None if secret is None else secret.get_secret_value()
    try:
        async with PrefectClient(
            settings.prefect_api, auth_string=auth, httpx_settings={"timeout": _TIMEOUT}
        ) as client:
            yield client
    except httpx.TransportError as error:
        raise PrefectUnavailableError(settings.prefect_api, type(error).__name__) from error
    except PrefectHTTPStatusError as error:
        if error.response.status_code < _SERVER_ERROR:
            raise
        raise PrefectUnavailableError(settings.prefect_api, f"HTTP {error.response.status_code}") from error
