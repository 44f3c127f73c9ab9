"""What a flow's process opens once: the settings and the store."""

from __future__ import annotations

from functools import cache

from syncline.settings import Settings, load_settings
from syncline.store.engine import Store

__all__ = ["open_store", "settings"]


def settings() -> Settings:
    """The settings as the environment gives them now."""
    return load_settings()


def open_store() -> Store:
    """The store of this process; one for each database URL."""
    return _opened(settings().database)


@cache
def _opened(url: str) -> Store:
    return Store(url)
