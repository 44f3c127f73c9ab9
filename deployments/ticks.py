"""The ticks of a cron or an rrule, as Prefect's own scheduler counts them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from prefect.server.schemas.schedules import CronSchedule, RRuleSchedule

if TYPE_CHECKING:
    from deployments.prefect_yaml import ScheduleEntry

__all__ = ["ticks_between"]


async def ticks_between(entry: ScheduleEntry, start: datetime, end: datetime, *, most: int) -> list[float]:
    """When `entry` is due from `start` to `end`, at most `most` times, in seconds since 1970."""
    if entry.cron is not None:
        schedule = CronSchedule(cron=entry.cron, timezone=entry.timezone)
    else:
        schedule = RRuleSchedule(rrule=entry.rrule or "", timezone=entry.timezone)
    return sorted(tick.timestamp() for tick in await schedule.get_dates(n=most, start=start, end=end))
