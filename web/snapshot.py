"""The report on the instance, as every page and endpoint of the web app sees it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from syncline.errors import PrefectUnavailableError, SynclineError
from syncline.status.reading import read_report
from syncline.status.report import Report
from syncline.status.schedules import Cadence, Schedule, Schedules, unknown_because
from web.context import Context
from web.shared_snapshot import SharedSnapshot

__all__ = ["take"]

_PATIENCE_SECONDS = 4.0
"""Prefect answers in a tenth of a second, on a machine that is busy in one or two."""
_log = logging.getLogger(__name__)


async def take(context: Context) -> Report:
    """The report as it is now; requests that come while one is being read share the next one."""
    return await _shared(context).get()


def _shared(context: Context) -> SharedSnapshot[Report]:
    found = context.shared.get(_read.__name__)
    if found is None:
        found = context.shared[_read.__name__] = SharedSnapshot(lambda: _read(context))
    return found


async def _read(context: Context) -> Report:
    (known, unknown), (cadences, unreadable) = await asyncio.gather(_scheduled(context), _cadences(context))
    schedules = Schedules(by_source=known, unknown=unknown, cadences=cadences, unreadable=unreadable)
    return await asyncio.to_thread(read_report, context.store, context.settings, context.sources, schedules)


async def _scheduled(context: Context) -> tuple[Mapping[str, Schedule], str | None]:
    """What Prefect has planned, and why that is not known."""
    try:
        return await asyncio.wait_for(context.controls.scheduled(context.settings), _PATIENCE_SECONDS), None
    except (PrefectUnavailableError, TimeoutError) as error:
        _log.debug("no schedules: %s", error)
        return {}, unknown_because(error)


async def _cadences(context: Context) -> tuple[Mapping[str, Cadence], str | None]:
    """How often sources are expected to run, and why that is not known."""
    try:
        return await context.controls.cadences(context.settings, context.store), None
    except SynclineError as error:
        return {}, str(error)
