"""When sources run, as Prefect and prefect.yaml know it; a server that is away or slow takes a few seconds at most."""

import asyncio
from collections.abc import Mapping, Sequence

from cli.declared import Declared
from deployments import prefect_schedules
from deployments.expected_interval import cadence_of
from syncline.errors import PrefectUnavailableError
from syncline.settings import Settings
from syncline.status.schedules import Schedule, Schedules, unknown_because
from syncline.store import schedules
from syncline.store.engine import Store

__all__ = ["timetable"]

_ANSWER_SECONDS = 4


def timetable(settings: Settings, store: Store, known: Declared, sources: Sequence[str]) -> Schedules:
    """What is known of when `sources` run, and why the rest is not."""
    planned: Mapping[str, Schedule] = {}
    unknown: str | None = None
    try:
        asked = prefect_schedules.scheduled(settings, sources)
        planned = asyncio.run(asyncio.wait_for(asked, _ANSWER_SECONDS))
    except (PrefectUnavailableError, TimeoutError) as error:
        unknown = unknown_because(error)
    with store.read() as connection:
        overrides = schedules.overrides(connection)
    cadences = {source: cadence_of(rules, overrides.get(source)) for source, rules in known.rules.items()}
    return Schedules(by_source=planned, unknown=unknown, cadences=cadences)
