"""Syncline's library: `from syncline import …` gives what a file in `flows/` needs, and callbacks for results.

Everything else is private and may move. A name is loaded from its module when it is first asked for, so that a command
which only looks at the database loads no HTTP client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncline.facade import loader

if TYPE_CHECKING:
    from syncline.errors import ConfigurationError, UpstreamError
    from syncline.model.account_kind import AccountKind
    from syncline.model.budgets import Budget, Scope, SlidingWindow, TokenBucket
    from syncline.model.columns import Amount, BigInt, Choice, JsonColumn, KeyText, NumberText
    from syncline.model.dataset import Dataset
    from syncline.model.ending import REACHED, End, Ending
    from syncline.model.items import Item, ModeratedItem
    from syncline.model.page import Answer, Ask, Json, Page, Pages, Request, Transport
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
    from syncline.results import follow, newest, on_result
    from syncline.store.engine import Store
    from syncline.upstreams.paging import Cursor, Keyset, Link, Offset, OnePage, PageNumber, Paging, Range
    from syncline.upstreams.rest import RestPages

__all__ = [
    "REACHED",
    "AccountKind",
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
    "Request",
    "RestPages",
    "Retry",
    "SameKey",
    "Scope",
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
    "syncline.model.account_kind": ("AccountKind",),
    "syncline.model.budgets": ("Budget", "Scope", "SlidingWindow", "TokenBucket"),
    "syncline.model.columns": ("Amount", "BigInt", "Choice", "JsonColumn", "KeyText", "NumberText"),
    "syncline.model.dataset": ("Dataset",),
    "syncline.model.ending": ("REACHED", "End", "Ending"),
    "syncline.model.items": ("Item", "ModeratedItem"),
    "syncline.model.page": ("Answer", "Ask", "Json", "Page", "Pages", "Request", "Transport"),
    "syncline.model.policies": (
        *("Backoff", "BreakerPolicy", "CatchUp", "Deletes", "Mode"),
        *("Overlap", "Priority", "Retry", "SameKey"),
    ),
    "syncline.model.session": ("Status", "SyncSession", "Tally", "Trigger"),
    "syncline.model.source": ("Source",),
    "syncline.model.upstream": ("Auth", "Upstream"),
    "syncline.results": ("follow", "newest", "on_result"),
    "syncline.store.engine": ("Store",),
    "syncline.upstreams.paging": ("Cursor", "Keyset", "Link", "Offset", "OnePage", "PageNumber", "Paging", "Range"),
    "syncline.upstreams.rest": ("RestPages",),
}
__getattr__ = loader(__name__, _MODULES)
