"""The web app: the API and the dashboard, with the reconciler beside them."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI

from syncline.model.service import Service
from syncline.settings import Settings
from syncline.store.engine import Store
from web import context, metrics
from web.api import cron, cron_health, health, holds, listings, sources, sync, sync_status
from web.api.errors import answer_errors
from web.background import kept_going
from web.controls import Controls
from web.dashboard import page

__all__ = ["create_app"]

_DESCRIPTION = "Keeps your database in step with other people's rate-limited APIs."


def create_app(
    settings: Settings,
    store: Store,
    *,
    controls: Controls,
    known: Sequence[Service],
    reconcile: Callable[[Settings, Store], Awaitable[object]] | None = None,
) -> FastAPI:
    """The app of one instance.

    `known` are its sources, `controls` what starts and stops them (`deployments.controls`); `reconcile` goes on for as
    long as the app lives (`deployments.reconciling.run_forever`).
    """
    app = FastAPI(
        title="Syncline",
        description=_DESCRIPTION,
        version=version("syncline"),
        docs_url=None,  # its page would be fetched from elsewhere
        redoc_url=None,
        lifespan=None if reconcile is None else _beside(partial(reconcile, settings, store)),
    )
    here = context.Context(settings=settings, store=store, controls=controls, sources=known, began_at=store.clock.now())
    context.attach(app, here)
    answer_errors(app)
    ours = (cron.router, cron_health.router, health.router, holds.router, sources.router, sync.router)
    seen = (sync_status.router, page.router)
    feeds = (listings.public, listings.router)
    for router in (*ours, *seen, *feeds, metrics.make_router(here)):
        app.include_router(router)
    return app


def _beside(work: Callable[[], Awaitable[object]]) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """A lifespan during which `work` goes on in the background."""

    def lifespan(app: FastAPI) -> AbstractAsyncContextManager[None]:
        del app
        return kept_going(work)

    return lifespan
