"""A price book as a drain has one: the product's own client with its budget, over any transport."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx

from syncline.portfolios.prices_book import PriceBook
from syncline.portfolios.prices_client import price_client
from syncline.portfolios.prices_settings import PriceSettings
from syncline.settings import Settings, UpstreamSettings
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.upstreams.budgeted import RequestBudget

__all__ = ["price_book"]


@asynccontextmanager
async def price_book(
    store: Store,
    settings: PriceSettings,
    *,
    url: str,
    token: str | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncGenerator[PriceBook]:
    """A book that asks at `url`, and waits for no budget."""
    known = UpstreamSettings.model_validate({"base_url": url, "token": token})
    kernel = Settings(upstreams={"prices": known}, prices=settings)
    budget = RequestBudget(gate=Budgets(store), patience_seconds=0)
    async with price_client(kernel, settings, budget=budget, clock=store.clock, transport=transport) as client:
        yield PriceBook(store, client, settings)
