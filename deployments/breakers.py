"""What an operator does to a source's breaker: reset it, hold it open; Prefect hears of the change."""

from __future__ import annotations

import asyncio

from prefect.logging import get_logger

from deployments.client import open_client
from flows.registry import find
from syncline.settings import Settings
from syncline.store.breakers import Breakers, Change
from syncline.store.engine import Store
from tasks.breaker import breaker_event

__all__ = ["hold_breaker_open", "reset_breaker"]

_TELL_WITHIN_SECONDS = 5


async def reset_breaker(settings: Settings, store: Store, source: str, *, actor: str) -> Change | None:
    """Close the breaker of `source`; `actor` stands in the audit log and in the event.

    The breaker is ours, so this works without Prefect's server, which then does not hear of it.

    Returns:
        What changed; None where it was closed.

    Raises:
        UnknownSourceError: there is no such source.
    """
    change = await asyncio.to_thread(Breakers(store).reset, find(source).name, actor)
    await _tell(settings, change, f"reset by {actor}")
    return change


async def hold_breaker_open(settings: Settings, store: Store, source: str, *, actor: str) -> Change | None:
    """Open the breaker of `source` until it is reset; otherwise as `reset_breaker`."""
    change = await asyncio.to_thread(Breakers(store).force_open, find(source).name, actor)
    await _tell(settings, change, f"held open by {actor}")
    return change


async def _tell(settings: Settings, change: Change | None, cause: str) -> None:
    if change is None:
        return
    try:
        async with asyncio.timeout(_TELL_WITHIN_SECONDS), open_client(settings) as client:
            event = breaker_event(change, cause).model_dump(mode="json")
            await client.request("POST", "/events", json=[event])
    except Exception:  # noqa: BLE001 - the breaker has changed, and its row and the audit log say so
        get_logger("syncline").warning("Prefect was not told that the breaker of %s changed", change.source)
