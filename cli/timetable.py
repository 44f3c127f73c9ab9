"""When sources run, as Prefect and prefect.yaml know it; a server that is away or slow takes a few seconds at most."""

import asyncio
from collections.abc import Mapping, Sequence

from deployments import prefect_schedules
from syncline.errors import PrefectUnavailableError, SynclineError
from syncline.settings import Settings
from syncline.status.schedules import Cadence, Schedule, Schedules, unknown_because
from syncline.store.engine import Store

__all__ = ["timetable"]

_ANSWER_SECONDS = 4


def timetable(settings: Settings, store: Store, sources: Sequence[str]) -> Schedules:
    """What is known of when `sources` run, and why the rest is not."""
    known: Mapping[str, Schedule] = {}
    cadences: Mapping[str, Cadence] = {}
    unknown: str | None = None
    unreadable: str | None = None
    try:
        asked = prefect_schedules.scheduled(settings, sources)
        known = asyncio.run(asyncio.wait_for(asked, _ANSWER_SECONDS))
    except (PrefectUnavailableError, TimeoutError) as error:
        unknown = unknown_because(error)

    from deployments.cadence import read_cadences  # noqa: PLC0415 - loads Prefect, for which the catalog made ready

    try:
        cadences = read_cadences(settings, store)
    except SynclineError as error:
        unreadable = str(error)
    return Schedules(by_source=known, unknown=unknown, cadences=cadences, unreadable=unreadable)
