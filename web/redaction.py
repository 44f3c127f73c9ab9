"""Masks credentials in texts for other programs: an upstream's error may quote the request that it refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from pydantic import BaseModel, SecretStr

from syncline.settings import Settings

__all__ = ["redacted", "redactor", "without_userinfo"]

_USERINFO = re.compile(r"(?<=://)[^\s/?#]+@")
_SHORTEST = 4
"""A secret of fewer characters stands in too many words."""


def redacted(text: str, settings: Settings) -> str:
    """`text` without the user and password of URLs, and without any secret of the settings."""
    return redactor(settings)(text)


def redactor(settings: Settings) -> Callable[[str], str]:
    """`redacted` for many texts: the secrets are looked for once."""
    secrets = sorted((one for one in set(_secrets(settings)) if len(one) >= _SHORTEST), key=len, reverse=True)

    def mask(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "***")
        return _USERINFO.sub("***@", text)

    return mask


def without_userinfo(url: str) -> str:
    """`url` without a user and a password."""
    return _USERINFO.sub("", url)


def _secrets(value: object) -> Iterator[str]:
    """Each secret in the settings, however deep; of one that is a list (addresses for alerts), its parts too."""
    match value:
        case SecretStr():
            secret = value.get_secret_value()
            yield from (secret, *secret.split())
        case BaseModel():
            for name in type(value).model_fields:
                yield from _secrets(getattr(value, name))
        case Mapping():
            for part in value.values():  # pyright: ignore[reportUnknownVariableType] - whatever a setting holds
                yield from _secrets(part)  # pyright: ignore[reportUnknownArgumentType] - the same
        case _:
            pass
