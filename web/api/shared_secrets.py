"""Endpoints for outside schedulers and monitors, which send a secret of the settings."""

import hmac

from fastapi import Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import SecretStr

from web import context
from web.api.doors import WrongCredentialError, behind
from web.tokens import require_long

__all__ = ["CRON_SECRET", "INTERNAL_API_KEY", "CronRoute", "InternalRoute"]


def _check_cron(request: Request) -> None:
    secret = context.of(request).settings.cron_secret
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    if not _opens(sent.strip() if scheme.lower() == "bearer" else "", secret, "CRON_SECRET", "it opens /api/cron"):
        message = "this door wants the header Authorization: Bearer CRON_SECRET, with the instance's secret"
        raise WrongCredentialError(message, "Bearer", guessed=bool(sent.strip()))
    request.state.trusted = True


def _check_internal(request: Request) -> None:
    secret = context.of(request).settings.internal_api_key
    sent = request.headers.get("x-api-key", "")
    if not _opens(sent, secret, "INTERNAL_API_KEY", "it opens /api/sync/status"):
        message = "this door wants the header x-api-key: INTERNAL_API_KEY, with the instance's key"
        raise WrongCredentialError(message, "ApiKey", guessed=bool(sent))
    request.state.trusted = True


def _opens(sent: str, secret: SecretStr | None, setting: str, purpose: str) -> bool:
    """Whether `sent` is the secret; it takes as long however much of it is right.

    Raises:
        ConfigurationError: the secret is not set, or too short: the door stays shut.
    """
    expected = require_long("" if secret is None else secret.get_secret_value(), setting, purpose)
    return hmac.compare_digest(sent.encode("latin-1"), expected.encode())  # headers come as bytes, read as Latin-1


CronRoute = behind(_check_cron)
"""Opens to `Authorization: Bearer CRON_SECRET`."""
InternalRoute = behind(_check_internal)
"""Opens to `x-api-key: INTERNAL_API_KEY`."""
CRON_SECRET = Security(HTTPBearer(auto_error=False, scheme_name="CronSecret", description="the setting CRON_SECRET"))
"""Tells OpenAPI's readers what `CronRoute` checks."""
INTERNAL_API_KEY = Security(
    APIKeyHeader(
        name="x-api-key", auto_error=False, scheme_name="InternalKey", description="the setting INTERNAL_API_KEY"
    )
)
"""Tells OpenAPI's readers what `InternalRoute` checks."""
