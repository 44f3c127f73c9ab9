"""What is told to other programs repeats no credential, whoever wrote it into a message."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import SecretStr

from syncline.settings import Settings

__all__ = ["redacted", "without_userinfo"]

_USERINFO = re.compile(r"(?<=://)[^\s/?#]+@")
_SHORTEST = 4
"""A secret of fewer characters stands in too many words."""


def redacted(text: str, settings: Settings) -> str:
    """`text` without the user and password of URLs, and without any secret of the settings."""
    for secret in sorted(_secrets(settings), key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, "***")
    return _USERINFO.sub("***@", text)


def without_userinfo(url: str) -> str:
    """`url` without a user and a password."""
    return _USERINFO.sub("", url)


def _secrets(settings: Settings) -> Iterator[str]:
    known = [settings.jwt_secret, settings.cron_secret, settings.internal_api_key, settings.snapshot_secret]
    for upstream in settings.upstreams.values():
        known += [upstream.token, upstream.password]
    yield from (secret.get_secret_value() for secret in known if isinstance(secret, SecretStr))
