"""The secrets that an instance makes for itself, so that no door is open for want of one."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from syncline.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from syncline.settings import Settings

__all__ = ["make_missing_secrets"]

_BYTES = 32


def make_missing_secrets(settings: Settings) -> list[str]:
    """Add those secrets that nobody set to `HOME/secrets.env`, which its owner alone can read.

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
    missing = [name for name, value in known.items() if value is None]
    if missing:
        lines = [f"{name}={secrets.token_urlsafe(_BYTES)}\n" for name in missing]
        try:
            _append(settings.secrets_file, lines)
        except OSError as error:
            raise ConfigurationError(f"SYNCLINE_HOME: {settings.secrets_file}: {error.strerror}") from error
    return missing


def _append(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a", encoding="ascii") as file:
        os.fchmod(file.fileno(), 0o600)
        file.writelines(lines)
