"""What goes on beside the web app's requests: sessions and runs are reconciled, and alerts are looked for."""

from __future__ import annotations

import asyncio

from deployments import alerting, reconciling
from syncline.settings import Settings
from syncline.store.engine import Store

__all__ = ["run_forever"]


async def run_forever(settings: Settings, store: Store, look: alerting.Look) -> None:
    """Go on until cancelled; each of both survives its own failures. `look` reads the report that alerts go by."""
    await asyncio.gather(reconciling.run_forever(settings, store), alerting.run_forever(settings, store, look))
