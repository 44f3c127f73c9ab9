"""Work that goes on beside the requests for as long as the app lives."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable

__all__ = ["kept_going"]

_PAUSE_SECONDS = 15.0
_log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def kept_going(
    work: Callable[[], Awaitable[object]], *, pause_seconds: float = _PAUSE_SECONDS
) -> AsyncGenerator[None]:
    """Do `work` in the background; where it fails or ends, do it again after a pause. It is cancelled at the end."""
    task = asyncio.create_task(_again_and_again(work, pause_seconds))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _again_and_again(work: Callable[[], Awaitable[object]], pause_seconds: float) -> None:
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001 - whatever it is, the app goes on, and the next round may do better
            _log.exception("the reconciler stopped; it starts again in %g seconds", pause_seconds)
        await asyncio.sleep(pause_seconds)
