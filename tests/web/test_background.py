import asyncio

import pytest

from syncline.model.source import Source
from syncline.settings import Settings
from syncline.store.engine import Store
from web.app import create_app, kept_going
from web.context import Context
from web.controls import Controls


def test_work_that_fails_is_done_again(caplog: pytest.LogCaptureFixture) -> None:
    """A reconciler that met a defect once does not leave crashed sessions open for ever."""
    done = asyncio.Event()
    begun = 0

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun < 3:
            raise RuntimeError("met a defect")
        done.set()
        await asyncio.Event().wait()

    async def run() -> None:
        async with kept_going(work, pause_seconds=0):
            await asyncio.wait_for(done.wait(), 5)

    asyncio.run(run())
    assert begun == 3
    assert caplog.text.count("RuntimeError: met a defect") == 2


def test_the_app_reconciles_while_it_lives(
    sqlite_store: Store, settings: Settings, controls: Controls, sources: list[Source]
) -> None:
    """And no longer: the loop ends with the app."""
    begun = asyncio.Event()
    ended: list[tuple[Settings, Store]] = []

    async def reconcile(here: Context) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append((here.settings, here.store))

    async def live() -> None:
        app = create_app(settings, sqlite_store, controls=controls, known=sources, beside=reconcile)
        async with app.router.lifespan_context(app):
            await asyncio.wait_for(begun.wait(), 5)
            assert ended == []

    asyncio.run(live())
    assert ended == [(settings, sqlite_store)]
