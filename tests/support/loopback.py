"""Fixtures of servers on the loopback, and of the product's own clients for them."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from aiohttp import web

import sandbox
from syncline.model.upstream import Auth, Upstream
from syncline.settings import Settings, UpstreamSettings
from syncline.upstreams.client import UpstreamClient

__all__ = ["Connect", "Serve", "box", "connect", "erp", "serve"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[..., AbstractAsyncContextManager[str]]
Connect = Callable[..., UpstreamClient]


@pytest.fixture
def box() -> Generator[sandbox.Box]:
    with sandbox.serving(seed=7, products=250, customers=40) as served:
        yield served


@pytest.fixture
def serve() -> Serve:
    """Serves handlers by path, on a free port, until the block ends; gives the base URL."""

    @asynccontextmanager
    async def serving(**handlers: Handler) -> AsyncGenerator[str]:
        app = web.Application()
        for name, handler in handlers.items():
            app.router.add_route("*", f"/{name}", handler)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    return serving


@pytest.fixture
def connect() -> Connect:
    """Makes the client of an upstream at a URL."""

    def connecting(
        url: str,
        *,
        auth: Auth = Auth.NONE,
        auth_name: str = "X-API-Key",
        timeout_seconds: float = 10,
        max_in_flight: int = 8,
        answer_seconds: float = 120,
        max_bytes: int = 100_000_000,
        **given: object,
    ) -> UpstreamClient:
        upstream = Upstream(
            name="erp",
            auth=auth,
            auth_name=auth_name,
            timeout_seconds=timeout_seconds,
            max_in_flight=max_in_flight,
            answer_seconds=answer_seconds,
            max_bytes=max_bytes,
        )
        credentials = UpstreamSettings.model_validate({"base_url": url, **given})
        return UpstreamClient(upstream, Settings(upstreams={"erp": credentials}))

    return connecting


@pytest.fixture
def erp(box: sandbox.Box, connect: Connect) -> Connect:
    """Makes a client of the sandbox's ERP."""

    def connecting(**given: object) -> UpstreamClient:
        return connect(box.url, **{"auth": Auth.BEARER, "token": box.token, **given})

    return connecting
