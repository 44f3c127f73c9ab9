"""What a flow's process opens once: the settings and the store."""

from __future__ import annotations

import os
from functools import cache, lru_cache
from pathlib import Path

from syncline.settings import Settings, load_settings
from syncline.store.connections import Limits, limits_of
from syncline.store.engine import Store

__all__ = ["open_store", "settings"]


def settings() -> Settings:
    """The settings of this process, read at the first use.

    They are read anew where the environment or the working folder is another one, and in a fork. A file that changes
    meanwhile counts from the next process on, so that one run has the same settings from its first line to its last.
    """
    return _read(os.getpid(), Path.cwd(), tuple(sorted(os.environ.items())))


@lru_cache(maxsize=1)
def _read(process: int, folder: Path, environment: tuple[tuple[str, str], ...]) -> Settings:
    """Read them; the arguments are what they depend on."""
    del process, folder, environment
    return load_settings()


def open_store() -> Store:
    """The store of this process; one for each database URL."""
    found = settings()
    return _opened(found.database, limits_of(found))


@cache
def _opened(url: str, limits: Limits) -> Store:
    return Store(url, limits=limits)
