"""How often a source is expected to run, and from when on its silence is too long."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deployments.intervals import planned
from deployments.ticks import ticks_between
from syncline.store import schedules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployments.prefect_yaml import Deployment, ScheduleEntry
    from syncline.settings import Settings
    from syncline.store.engine import Store

__all__ = ["Cadence", "cadences"]

_LATE = timedelta(minutes=1)
"""A run may begin this long after its tick."""
_LOOK_AHEAD = timedelta(days=8)


@dataclass(frozen=True, kw_only=True)
class Cadence:
    """When a source is due.

    Attributes:
        interval_seconds: the time between two runs; of several schedules the shortest. None: a cron or rrule decides.
        entries: the crons and rrules.
    """

    interval_seconds: float | None
    entries: tuple[ScheduleEntry, ...] = ()

    async def stalled_at(self, last_run: datetime) -> datetime | None:
        """From when on a source that ran at `last_run`, and not since, has stalled.

        That is after twice its interval; by a cron, when its second tick since has come and gone, so that a night
        without ticks is not held against it. None where it is due no more.
        """
        if self.interval_seconds is not None:
            return last_run + timedelta(seconds=2 * self.interval_seconds)
        found = [await ticks_between(entry, last_run, last_run + _LOOK_AHEAD, most=3) for entry in self.entries]
        due = sorted({tick for ticks in found for tick in ticks if tick > last_run.timestamp()})
        return datetime.fromtimestamp(due[1], last_run.tzinfo) + _LATE if len(due) > 1 else None


async def cadences(
    settings: Settings, store: Store, deployments: Sequence[Deployment] | None = None
) -> dict[str, Cadence]:
    """The cadence of each source that has a schedule: by prefect.yaml, the environment, and what operators set.

    Raises:
        ConfigurationError: prefect.yaml cannot be used.
    """
    overrides = await asyncio.to_thread(_overrides, store)
    entries: dict[str, list[ScheduleEntry]] = {}
    for deployment in planned(settings, deployments):
        if deployment.schedules:
            entries.setdefault(deployment.source, []).extend(deployment.schedules)
    return {source: _cadence(those, overrides.get(source)) for source, those in entries.items()}


def _overrides(store: Store) -> dict[str, int]:
    with store.read() as connection:
        return schedules.overrides(connection)


def _cadence(entries: list[ScheduleEntry], override: float | None) -> Cadence:
    intervals = [entry.interval for entry in entries if entry.interval is not None]
    shortest = override or min(intervals, default=None)
    return Cadence(interval_seconds=shortest, entries=tuple(entry for entry in entries if entry.interval is None))
