"""The client of the price API: one upstream, one budget for the portfolios of all users."""

from __future__ import annotations

import httpx

from syncline.clock import Clock
from syncline.kernel_settings import KernelSettings
from syncline.model.budgets import Budget, SlidingWindow
from syncline.model.upstream import Auth, Upstream
from syncline.portfolios.prices_settings import PriceSettings
from syncline.upstreams.budgeted import RequestBudget
from syncline.upstreams.client import UpstreamClient

__all__ = ["UPSTREAM", "price_client", "price_upstream"]

UPSTREAM = "prices"
"""Names its settings: `SYNCLINE_UPSTREAMS__PRICES__BASE_URL`, and `__TOKEN` where it wants a key."""


def price_upstream(settings: PriceSettings, *, with_key: bool) -> Upstream:
    """The price API, with its budget, which all users share."""
    return Upstream(
        name=UPSTREAM,
        auth=Auth.HEADER if with_key else Auth.NONE,
        auth_name=settings.key_header,
        max_in_flight=2,
        max_bytes=4_000_000,
        answer_seconds=30,
        timeout_seconds=15,
        budgets=(Budget(policy=SlidingWindow(limit=settings.requests_per_minute, period_seconds=60)),),
    )


def price_client(
    kernel: KernelSettings,
    settings: PriceSettings,
    *,
    budget: RequestBudget,
    clock: Clock | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> UpstreamClient:
    """The client of the price API; `budget` says at which priority it asks, and how long it waits.

    Raises:
        MissingSettingError: `SYNCLINE_UPSTREAMS__PRICES__BASE_URL` is not set.
    """
    upstream = price_upstream(settings, with_key=kernel.upstream(UPSTREAM).token is not None)
    return UpstreamClient(upstream, kernel, transport=transport, clock=clock, budget=budget)
