"""How often a source is expected to run, and from when on its silence is too long."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cronsim import CronSim, CronSimError

from syncline.local_time import zone_named
from syncline.settings import Settings
from syncline.store import schedules
from syncline.store.engine import Store

if TYPE_CHECKING:  # it loads Prefect, which a look does without
    from deployments.schedules.file import Deployment

__all__ = ["Cadence", "TickRule", "cadence_of", "cadences", "read_cadences", "rules_of"]

_LATE = timedelta(minutes=1)
"""A run may begin this long after its tick."""
_TICKS = 2
"""So many ticks of a cron may go by."""


@dataclass(frozen=True, kw_only=True)
class TickRule:
    """One schedule of prefect.yaml, as far as it says when: exactly one of the first three is set.

    Attributes:
        interval: seconds.
        cron: a cron expression.
        rrule: an RFC 5545 rule.
        timezone: the zone in which a cron or rrule counts.
    """

    interval: float | None = None
    cron: str | None = None
    rrule: str | None = None
    timezone: str = "UTC"


@dataclass(frozen=True, kw_only=True)
class Cadence:
    """When a source is due.

    Attributes:
        interval_seconds: the time between two runs; of several schedules the shortest. None: a cron or rrule decides.
        entries: the crons and rrules.
    """

    interval_seconds: float | None
    entries: tuple[TickRule, ...] = ()

    def stalled_at(self, last_run: datetime, now: datetime) -> datetime | None:
        """From when on a source that ran at `last_run`, and not since, had stalled; None where it has not until `now`.

        That is after twice its interval; by a cron, when its second tick since has come and gone, however far apart
        they are: a night without ticks is not held against it, nor is a month.
        """
        if self.interval_seconds is not None:
            stalled_at = last_run + timedelta(seconds=2 * self.interval_seconds)
            return stalled_at if stalled_at < now else None
        found = {tick for entry in self.entries for tick in _ticks(entry, last_run, now - _LATE)}
        gone_by = sorted(found)[:_TICKS]
        return gone_by[-1] + _LATE if len(gone_by) == _TICKS else None


async def cadences(
    settings: Settings, store: Store, deployments: Sequence[Deployment] | None = None
) -> dict[str, Cadence]:
    """As `read_cadences`, without keeping an event loop waiting."""
    return await asyncio.to_thread(read_cadences, settings, store, deployments)


def read_cadences(
    settings: Settings, store: Store, deployments: Sequence[Deployment] | None = None
) -> dict[str, Cadence]:
    """The cadence of each source that has a schedule: by prefect.yaml, the environment, and what operators set.

    Raises:
        ConfigurationError: prefect.yaml cannot be used.
    """
    with store.read() as connection:
        overrides = schedules.overrides(connection)
    return {
        source: cadence_of(those, overrides.get(source)) for source, those in rules_of(settings, deployments).items()
    }


def rules_of(settings: Settings, deployments: Sequence[Deployment] | None = None) -> dict[str, list[TickRule]]:
    """The schedules of each source, with the intervals of the environment; raises as `read_cadences` does."""
    from deployments.schedules.plan import planned  # noqa: PLC0415 - loads Prefect, which takes a second

    rules: dict[str, list[TickRule]] = {}
    for one in planned(settings, deployments):
        for entry in one.schedules:
            rule = TickRule(interval=entry.interval, cron=entry.cron, rrule=entry.rrule, timezone=entry.timezone)
            rules.setdefault(one.source, []).append(rule)
    return rules


def cadence_of(entries: Sequence[TickRule], override_seconds: float | None) -> Cadence:
    """The cadence of these schedules, or of the interval that an operator set in their place."""
    intervals = [entry.interval for entry in entries if entry.interval is not None]
    shortest = override_seconds or min(intervals, default=None)
    return Cadence(interval_seconds=shortest, entries=tuple(entry for entry in entries if entry.interval is None))


def _ticks(entry: TickRule, after: datetime, until: datetime) -> list[datetime]:
    """The first ticks of a cron or rrule after `after` and until `until`, as many as matter.

    The time between is walked once, from one tick to the next; a cron that never fires has none.
    """
    found: list[datetime] = []
    for tick in _following(entry, after, until):
        if tick > until or len(found) == _TICKS:
            break
        found.append(tick)
    return found


def _following(entry: TickRule, after: datetime, until: datetime) -> Iterator[datetime]:
    if entry.cron is not None:
        local = after.astimezone(zone_named(entry.timezone))
        try:
            for tick in CronSim(entry.cron, local):
                yield tick.astimezone(after.tzinfo)
        except CronSimError:  # a notation that Prefect's own parser knows alone, such as @hourly
            yield from _as_prefect_counts(entry, after, until)
    else:
        yield from _as_prefect_counts(entry, after, until)


def _as_prefect_counts(entry: TickRule, after: datetime, until: datetime) -> Iterator[datetime]:
    from deployments.schedules.file import ScheduleEntry  # noqa: PLC0415 - loads Prefect, which takes a second
    from deployments.schedules.ticks import ticks_between  # noqa: PLC0415 - the same

    if until <= after:
        return
    wanted = ScheduleEntry(slug="ticks", cron=entry.cron, rrule=entry.rrule, timezone=entry.timezone)
    try:
        found = asyncio.run(ticks_between(wanted, after, until, most=_TICKS + 1))
    except ValueError:  # a cron that never fires, such as 30 February
        return
    for tick in found:
        if tick > after.timestamp():
            yield datetime.fromtimestamp(tick, after.tzinfo)
