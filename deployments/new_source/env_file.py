"""Settings for `.env`, where the program reads them from."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values

from syncline.errors import ConfigurationError

__all__ = ["missing", "with_settings"]

_PLAIN = re.compile(r"[A-Za-z0-9._:/-]+")
_HEADING = "# {}: written by `syncline new`"


def missing(path: Path, wanted: Mapping[str, str]) -> dict[str, str]:
    """Those of the `wanted` settings that neither the environment nor the file at `path` has."""
    known = {name.upper() for name in (*os.environ, *(dotenv_values(path) if path.exists() else ()))}
    return {name: value for name, value in wanted.items() if name not in known}


def with_settings(path: Path, added: Mapping[str, str], *, heading: str) -> str:
    """The text of the file at `path` with the settings at its end, below a comment.

    Raises:
        ConfigurationError: a value cannot stand there; the message names the setting, not the value.
    """
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = [_HEADING.format(heading), *(f"{name}={_quoted(value)}" for name, value in added.items())]
    gap = "" if not before else "\n" if before.endswith("\n") else "\n\n"
    text = f"{before}{gap}{chr(10).join(lines)}\n"
    found = dotenv_values(stream=StringIO(text))
    for name, value in added.items():
        if found.get(name) != value:
            raise ConfigurationError(f"the value of {name} cannot be written to {path}: set it in the environment")
    return text


def _quoted(value: str) -> str:
    """As a shell and python-dotenv read it."""
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
