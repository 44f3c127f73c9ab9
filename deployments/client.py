"""Prefect's client, for a process of any environment: the settings say where the server is."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http import HTTPStatus

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import get_current_settings

from deployments.trust import without_tls
from syncline.errors import ConfigurationError, PrefectUnavailableError
from syncline.settings import Settings

__all__ = ["open_client"]

_TIMEOUT = httpx.Timeout(15, connect=2)
_SERVER_ERROR = 500


@asynccontextmanager
async def open_client(settings: Settings) -> AsyncGenerator[PrefectClient]:
    """A client of the server that `settings` name.

    Raises:
        PrefectUnavailableError: it cannot be reached, now or while the client is used.
        ConfigurationError: it refuses the password.
    """
    try:
        async with PrefectClient(
            settings.prefect_api,
            auth_string=_auth(settings),
            httpx_settings={"timeout": _TIMEOUT, **without_tls(settings.prefect_api)},
        ) as client:
            yield client
    except httpx.TransportError as error:
        raise PrefectUnavailableError(settings.prefect_api, type(error).__name__) from error
    except PrefectHTTPStatusError as error:
        if error.response.status_code == HTTPStatus.UNAUTHORIZED:
            raise ConfigurationError(_refused(settings)) from error
        if error.response.status_code < _SERVER_ERROR:
            raise
        raise PrefectUnavailableError(settings.prefect_api, f"HTTP {error.response.status_code}") from error


def _auth(settings: Settings) -> str | None:
    """What the settings say; else what Prefect's own do, by which a worker may know its server."""
    secret = get_current_settings().api.auth_string
    return settings.prefect_auth or (None if secret is None else secret.get_secret_value())


def _refused(settings: Settings) -> str:
    if settings.prefect_api_url is None:
        mend = "SYNCLINE_PREFECT_SECRET must be the one that its server was started with: restart `syncline up`"
    else:
        mend = "set SYNCLINE_PREFECT_API_AUTH to the user:password that it asks for"
    return f"Prefect's server at {settings.prefect_api} refuses the password: {mend}"
