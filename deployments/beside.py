"""What goes on beside the web app's requests: sessions and runs are reconciled, and alerts are looked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from deployments import alerting, reconciling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from syncline.model.service import Service
    from syncline.settings import Settings
    from syncline.store.engine import Store

__all__ = ["run_forever"]


async def run_forever(known: Sequence[Service], stalled: alerting.Stalled, settings: Settings, store: Store) -> None:
    """Go on until cancelled; each of both survives its own failures.

    Args:
        known: the sources that alerts are about.
        stalled: which of them are due and do not run.
        settings: the instance.
        store: its database.
    """
    await asyncio.gather(
        reconciling.run_forever(settings, store), alerting.run_forever(settings, store, known, stalled)
    )
