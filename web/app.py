"""The web app: the API and the dashboard, with the reconciler beside them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from syncline.model.source import Source
from syncline.settings import Settings
from syncline.store.engine import Store
from web import context, docs, metrics
from web.account_events import AccountEvents
from web.api import (
    account_actions,
    account_looks,
    accounts,
    cron,
    cron_health,
    health,
    holds,
    jobs,
    listings,
    queue_stats,
    sources,
    sync,
    sync_status,
)
from web.api.errors import answer_errors
from web.api.openapi import described
from web.attempts import Attempts
from web.controls import Controls
from web.dashboard import page
from web.edge.hosts import Hosts
from web.edge.layer import Edge
from web.edge.limits import Limits
from web.rates import Rates

__all__ = ["create_app", "kept_going"]

_DESCRIPTION = "Keeps your database up to date with other people's rate-limited APIs."
_VERSION = "1"
"""The API's version. Syncline's own is not shown to callers without a token."""
_PAUSE_SECONDS = 15.0
"""Between the end of the work beside the requests, which is not meant to end, and its next beginning."""
_log = logging.getLogger(__name__)


class _App(FastAPI):
    """FastAPI within the layer that refuses what no endpoint should see; also its own errors pass through it."""

    edge: Callable[[ASGIApp], ASGIApp]

    def build_middleware_stack(self) -> ASGIApp:
        return self.edge(super().build_middleware_stack())

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = described(super().openapi())
        return self.openapi_schema


def create_app(
    settings: Settings,
    store: Store,
    *,
    controls: Controls,
    known: Sequence[Source],
    beside: Callable[[context.Context], Awaitable[object]] | None = None,
    limits: Limits | None = None,
) -> FastAPI:
    """The app of one instance.

    `known` are its sources, `controls` what starts and stops them (`deployments.controls`); `beside` goes on for as
    long as the app lives (`deployments.reconciling`, `deployments.alerting`). `limits` are those of one request; a
    connection's are kept by the server (`web.edge.server`).
    """
    here = context.Context(
        settings=settings,
        store=store,
        controls=controls,
        sources=known,
        attempts=Attempts(store.clock, exempt=settings.trusted_proxy_networks),
        began_at=store.clock.now(),
        rates=Rates(store.clock),
        events=AccountEvents(store, per_user=settings.accounts.listeners_per_user),
    )
    app = _App(
        title="Syncline",
        description=_DESCRIPTION,
        version=_VERSION,
        docs_url=None,  # its page would be fetched from elsewhere; ours is web.docs
        redoc_url=None,
        redirect_slashes=False,
        lifespan=None if beside is None else _beside(partial(beside, here)),
    )
    app.edge = partial(Edge, hosts=Hosts.of(settings), limits=limits or Limits())
    context.attach(app, here)
    answer_errors(app)
    ours = (cron.router, cron_health.router, health.router, holds.router, sources.router, sync.router)
    seen = (sync_status.router, queue_stats.router, page.router, docs.router)
    feeds = (listings.public, listings.router)
    theirs = (accounts.router, accounts.one, account_actions.router, account_looks.router, jobs.router)
    for router in (*ours, *seen, *feeds, *theirs, metrics.make_router(here)):
        app.include_router(router)
    return app


def _beside(work: Callable[[], Awaitable[object]]) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """A lifespan during which `work` goes on in the background."""

    def lifespan(app: FastAPI) -> AbstractAsyncContextManager[None]:
        del app
        return kept_going(work)

    return lifespan


@asynccontextmanager
async def kept_going(
    work: Callable[[], Awaitable[object]], *, pause_seconds: float = _PAUSE_SECONDS
) -> AsyncGenerator[None]:
    """Do `work` in the background; where it fails or ends, do it again after a pause. It is cancelled at the end."""
    task = asyncio.create_task(_again_and_again(work, pause_seconds))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _again_and_again(work: Callable[[], Awaitable[object]], pause_seconds: float) -> None:
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001 - whatever it is, the app goes on, and the next round may do better
            _log.exception("the reconciler stopped; it starts again in %g seconds", pause_seconds)
        await asyncio.sleep(pause_seconds)
