"""What a flow's process opens once: the settings and the store."""

from __future__ import annotations

from functools import cache

from syncline.settings import Settings, load_settings
from syncline.store.connections import Limits, limits_of
from syncline.store.engine import Store

__all__ = ["open_store", "settings"]


def settings() -> Settings:
    """The settings as the environment gives them now."""
    return load_settings()


def open_store() -> Store:
    """The store of this process; one for each database URL."""
    found = settings()
    return _opened(found.database, limits_of(found))


@cache
def _opened(url: str, limits: Limits) -> Store:
    return Store(url, limits=limits)
