"""Syncline's library: `from syncline import …` gives what a file in `flows/` needs, and what hears of results.

Everything else is private and may move. A name is loaded from its module when it is first asked for, so that a command
which only looks at the database loads no HTTP client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from syncline.errors import ConfigurationError, UpstreamError
    from syncline.model.budgets import Budget, SlidingWindow, TokenBucket
    from syncline.model.columns import Amount, BigInt, Choice, JsonColumn, KeyText, NumberText
    from syncline.model.dataset import Dataset
    from syncline.model.ending import REACHED, End, Ending
    from syncline.model.items import Item, ModeratedItem
    from syncline.model.page import Answer, Ask, Json, Page, Pages, Transport
    from syncline.model.policies import (
        Backoff,
        BreakerPolicy,
        CatchUp,
        Deletes,
        Mode,
        Overlap,
        Priority,
        Retry,
        SameKey,
    )
    from syncline.model.session import Status, SyncSession, Tally, Trigger
    from syncline.model.source import Source
    from syncline.model.upstream import Auth, Upstream
    from syncline.passes.results import follow, newest, on_result
    from syncline.store.engine import Store
    from syncline.upstreams.paging import Cursor, Keyset, Link, Offset, OnePage, PageNumber, Paging, Range
    from syncline.upstreams.rest import RestPages

__all__ = [
    "REACHED",
    "Amount",
    "Answer",
    "Ask",
    "Auth",
    "Backoff",
    "BigInt",
    "BreakerPolicy",
    "Budget",
    "CatchUp",
    "Choice",
    "ConfigurationError",
    "Cursor",
    "Dataset",
    "Deletes",
    "End",
    "Ending",
    "Item",
    "Json",
    "JsonColumn",
    "KeyText",
    "Keyset",
    "Link",
    "Mode",
    "ModeratedItem",
    "NumberText",
    "Offset",
    "OnePage",
    "Overlap",
    "Page",
    "PageNumber",
    "Pages",
    "Paging",
    "Priority",
    "Range",
    "RestPages",
    "Retry",
    "SameKey",
    "SlidingWindow",
    "Source",
    "Status",
    "Store",
    "SyncSession",
    "Tally",
    "TokenBucket",
    "Transport",
    "Trigger",
    "Upstream",
    "UpstreamError",
    "follow",
    "newest",
    "on_result",
]

_MODULES = {
    "syncline.errors": ("ConfigurationError", "UpstreamError"),
    "syncline.model.budgets": ("Budget", "SlidingWindow", "TokenBucket"),
    "syncline.model.columns": ("Amount", "BigInt", "Choice", "JsonColumn", "KeyText", "NumberText"),
    "syncline.model.dataset": ("Dataset",),
    "syncline.model.ending": ("REACHED", "End", "Ending"),
    "syncline.model.items": ("Item", "ModeratedItem"),
    "syncline.model.page": ("Answer", "Ask", "Json", "Page", "Pages", "Transport"),
    "syncline.model.policies": (
        *("Backoff", "BreakerPolicy", "CatchUp", "Deletes", "Mode"),
        *("Overlap", "Priority", "Retry", "SameKey"),
    ),
    "syncline.model.session": ("Status", "SyncSession", "Tally", "Trigger"),
    "syncline.model.source": ("Source",),
    "syncline.model.upstream": ("Auth", "Upstream"),
    "syncline.passes.results": ("follow", "newest", "on_result"),
    "syncline.store.engine": ("Store",),
    "syncline.upstreams.paging": ("Cursor", "Keyset", "Link", "Offset", "OnePage", "PageNumber", "Paging", "Range"),
    "syncline.upstreams.rest": ("RestPages",),
}
_PLACES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    """Load one of the names in `__all__` (PEP 562)."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(_PLACES[name]), name)
    globals()[name] = found
    return found
