"""The planner of accounts as monitors know it: whether it is on, whether anybody works, and whether more is to come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from syncline.jobs.due import Freshness
from syncline.jobs.stats import SchedulerStats, scheduler_stats
from syncline.kernel_settings import KernelSettings
from syncline.model.source import Source
from syncline.model.target import Target
from syncline.store import holds, timetables

__all__ = ["NextSync", "Planner", "planned_source", "read_planner"]


class NextSync(StrEnum):
    """Whether accounts will be synced by themselves."""

    SCHEDULED = "scheduled"
    PAUSED = "paused"
    """They would be, but for a setting, a stopped schedule or a hold, or as nobody drains."""
    NONE = "none"
    """No source with accounts is set up, or Prefect has not told its schedule yet."""


@dataclass(frozen=True, kw_only=True)
class Planner:
    """How the planner stands.

    Attributes:
        source: whose accounts it plans; None: no source with accounts is set up.
        stats: its numbers.
        next_sync: whether more is to come.
    """

    source: str | None
    stats: SchedulerStats
    next_sync: NextSync


_NOTHING = SchedulerStats(
    enabled=False, running=False, total_users=0, active_users=0, is_market_hours=False, swept_at=None
)


def planned_source(sources: Iterable[Source], settings: KernelSettings) -> Source | None:
    """The first source that is set up and whose accounts are synced by themselves; None: there is none."""
    planned = (one for one in sources if one.accounts is not None and one.accounts.freshness is not None)
    return next((one for one in planned if one.missing(settings) is None), None)


def read_planner(
    connection: Connection, sources: Iterable[Source], settings: KernelSettings, *, now: datetime
) -> Planner:
    """How the planner stands at `now`; asks the database alone, and Prefect nothing.

    Raises:
        ConfigurationError: a setting of the source cannot be used.
    """
    source = planned_source(sources, settings)
    if source is None or source.accounts is None or source.accounts.freshness is None:
        return Planner(source=None, stats=_NOTHING, next_sync=NextSync.NONE)
    policy: Freshness = source.accounts.freshness(settings)
    enabled = source.accounts.disabled_by(settings) is None
    stats = scheduler_stats(connection, source.name, policy, now=now, enabled=enabled)
    return Planner(source=source.name, stats=stats, next_sync=_next_sync(connection, source.name, stats, now))


def _next_sync(connection: Connection, source: str, stats: SchedulerStats, now: datetime) -> NextSync:
    known = [one for one in timetables.every(connection) if one.source == source]
    if not known:
        return NextSync.NONE
    is_held = holds.active(connection, Target(source), now=now) is not None
    is_off = all(one.is_off for one in known)
    return NextSync.SCHEDULED if stats.running and not is_off and not is_held else NextSync.PAUSED
