"""The secrets that an instance makes for itself, so that no door is open for want of one."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from syncline.errors import ConfigurationError
from syncline.settings import SECRET_BYTES, Settings

__all__ = ["make_missing_secrets", "short_secrets", "with_made_secrets"]

_BYTES = 32


def make_missing_secrets(settings: Settings) -> list[str]:
    """Add the secrets that are not set to `HOME/secrets.env`, which its owner alone can read.

    Returns:
        The names of those that were made.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    known = {
        "SYNCLINE_JWT_SECRET": settings.jwt_secret,
        "CRON_SECRET": settings.cron_secret,
        "INTERNAL_API_KEY": settings.internal_api_key,
    }
    if settings.prefect_api_url is None:
        known["SYNCLINE_PREFECT_SECRET"] = settings.prefect_secret
    missing = [name for name, value in known.items() if value is None]
    if missing:
        lines = [f"{name}={secrets.token_urlsafe(_BYTES)}\n" for name in missing]
        try:
            _append(settings.secrets_file, lines)
        except OSError as error:
            raise ConfigurationError(f"SYNCLINE_HOME: {settings.secrets_file}: {error.strerror}") from error
    return missing


def with_made_secrets(settings: Settings) -> Settings:
    """`settings` with the password of Prefect's server, where it was made after they were read."""
    if settings.prefect_secret is not None or settings.prefect_api_url is not None:
        return settings
    made = Settings(_env_file=settings.secrets_file)  # pyright: ignore[reportCallIssue] - a keyword of pydantic-settings
    return settings.model_copy(update={"prefect_secret": made.prefect_secret})


def _append(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a", encoding="ascii") as file:
        os.fchmod(file.fileno(), 0o600)
        file.writelines(lines)


def short_secrets(settings: Settings) -> list[str]:
    """The names of the secrets that are set to fewer than `SECRET_BYTES` bytes, or to nothing: these doors are shut."""
    known = {
        "SYNCLINE_JWT_SECRET": settings.jwt_secret,
        "CRON_SECRET": settings.cron_secret,
        "INTERNAL_API_KEY": settings.internal_api_key,
        "SYNCLINE_PREFECT_SECRET": settings.prefect_secret,
    }
    return [
        name
        for name, secret in known.items()
        if secret is not None and len(secret.get_secret_value().encode()) < SECRET_BYTES
    ]
