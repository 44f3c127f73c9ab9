"""The HTTP edge of connectors: respx in place of the network, below signing, budgets and the reading of bodies."""

from collections.abc import AsyncGenerator, Callable
from typing import Any

import httpx
import msgspec
import respx

from syncline.clock import Clock
from syncline.model.page import Ask, Page, Transport
from syncline.model.upstream import Upstream
from syncline.settings import Settings, UpstreamSettings
from syncline.upstreams.budgeted import RequestBudget
from syncline.upstreams.client import UpstreamClient

__all__ = ["BASE", "client_of", "params_of", "read", "requests_of", "rows_of"]

BASE = "https://api.example"


def client_of(
    edge: respx.Router,
    upstream: Upstream,
    *,
    clock: Clock | None = None,
    budget: RequestBudget | None = None,
    **given: object,
) -> UpstreamClient:
    """The product's own client, with its budgets and credentials; what it would give to the network, `edge` gets."""
    credentials = UpstreamSettings.model_validate({"base_url": BASE, **given})
    settings = Settings(upstreams={upstream.name: credentials})
    transport = httpx.MockTransport(edge.async_handler)
    return UpstreamClient(upstream, settings, transport=transport, clock=clock, budget=budget)


async def read(
    pages: Callable[[Transport, Ask], AsyncGenerator[Page]], client: UpstreamClient, ask: Ask | None = None
) -> list[Page]:
    """All pages that the connector yields."""
    async with client:
        return [page async for page in pages(client, ask or Ask())]


def rows_of(pages: list[Page]) -> list[Any]:
    """The items of all pages, decoded."""
    return [msgspec.json.decode(row) for page in pages for row in page.rows]


def requests_of(route: respx.Route | respx.Router) -> list[httpx.Request]:
    """What was sent there, in that order."""
    calls: Any = route.calls  # a list that respx declares without its type
    return [call.request for call in calls]


def params_of(route: respx.Route) -> list[dict[str, str]]:
    """The query of each request that the route answered, in their order."""
    return [dict(request.url.params.items()) for request in requests_of(route)]
