"""The ticks of schedules, as Prefect's own scheduler counts them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeAlias

from prefect.client.schemas import schedules as known
from prefect.client.schemas.responses import DeploymentResponse
from prefect.server.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule

from deployments.schedules.file import ScheduleEntry
from syncline.local_time import zone_named
from syncline.model.policies import Mode
from syncline.passes.accounting import Window
from tasks.due import plain

__all__ = ["in_force", "shifts_of", "ticks_between", "ticks_of"]

Schedule: TypeAlias = CronSchedule | IntervalSchedule | RRuleSchedule
_AT_ONCE = 1_000
"""Prefect looks at no more candidates in one call."""
_BESIDE = timedelta(hours=3)
"""Prefect counts from and to a local time, wrongly where one is repeated or skipped: it is asked for more, further away
from a change of clocks."""
_SECOND = timedelta(seconds=1)


async def ticks_between(entry: ScheduleEntry, start: datetime, end: datetime, *, most: int) -> list[float]:
    """When `entry` is due from `start` to `end`, at most `most` times, in seconds since 1970."""
    if entry.cron is not None:
        schedule: Schedule = CronSchedule(cron=entry.cron, timezone=entry.timezone)
    else:
        schedule = RRuleSchedule(rrule=entry.rrule or "", timezone=entry.timezone)
    return sorted(tick.timestamp() for tick in await schedule.get_dates(n=most, start=start, end=end))


def in_force(deployment: DeploymentResponse) -> tuple[str, ...]:
    """The schedules by which Prefect plans runs of the deployment now, each as a text; none while it is paused."""
    if deployment.paused:
        return ()
    active = [schedule for schedule in deployment.schedules if schedule.active]
    return tuple(sorted({_text(one.schedule, {**deployment.parameters, **one.parameters}) for one in active}))


def _mode(text: str) -> Mode:
    """How much the runs of the schedule are asked to read."""
    return Mode.FULL if json.loads(text)["mode"] == Mode.FULL else Mode.INCREMENTAL


def ticks_of(windows: Iterable[Window]) -> dict[datetime, Mode]:
    """The ticks in the windows, with the mode of their runs; full where one of several schedules asks for it."""
    found: dict[datetime, Mode] = {}
    for window in windows:
        for text in window.schedules:
            mode = _mode(text)
            for tick in asyncio.run(_ticks(_schedule(text), window)):
                found[tick] = Mode.FULL if Mode.FULL in {mode, found.get(tick)} else mode
    return dict(sorted(found.items()))


async def _ticks(schedule: Schedule, window: Window) -> set[datetime]:
    """In as many calls as it takes."""
    found: set[datetime] = set()
    start, end = _calm(window.after, schedule.timezone, -_BESIDE), _calm(window.until, schedule.timezone, _BESIDE)
    while True:
        dates = [plain(date) for date in await schedule.get_dates(n=_AT_ONCE, start=start, end=end)]
        ticks = sorted(date for date in dates if date is not None)
        found.update(tick for tick in ticks if window.after < tick <= window.until)
        if len(ticks) < _AT_ONCE or ticks[-1] < start:
            return found
        calm = _calm(ticks[-1], schedule.timezone, -_BESIDE)
        start = calm if calm > start else ticks[-1] + _SECOND  # some are found twice, which a set does not mind


def shifts_of(windows: Iterable[Window]) -> set[timedelta]:
    """By how much clocks are changed, forth and back, in the time zones of the schedules around the windows.

    Where an interval of days crosses a change, Prefect's answer depends on when it was asked.
    """
    found: set[timedelta] = set()
    for window in windows:
        zones = {json.loads(text)["timezone"] or "UTC" for text in window.schedules}
        year = [window.until + timedelta(days=days) for days in range(-364, 1, 28)]
        offsets = [
            {instant.astimezone(zone_named(zone)).utcoffset() or timedelta() for instant in year} for zone in zones
        ]
        found |= {later - earlier for one in offsets for later in one for earlier in one if later != earlier}
    return found


def _calm(instant: datetime, zone: str | None, step: timedelta) -> datetime:
    """This instant, or the next one in steps, beside which no clock is changed."""
    local = zone_named(zone or "UTC")
    while (instant - _BESIDE).astimezone(local).utcoffset() != (instant + _BESIDE).astimezone(local).utcoffset():
        instant += step
    return instant


def _text(schedule: known.SCHEDULE_TYPES, parameters: dict[str, object]) -> str:
    """What decides on the ticks of the schedule, and the mode of its runs."""
    told: dict[str, object] = {"mode": parameters.get("mode"), "timezone": getattr(schedule, "timezone", None)}
    if isinstance(schedule, known.CronSchedule):
        told |= {"cron": schedule.cron, "day_or": schedule.day_or}
    elif isinstance(schedule, known.RRuleSchedule):
        told |= {"rrule": schedule.rrule}
    elif isinstance(schedule, known.IntervalSchedule):
        anchor = plain(schedule.anchor_date)
        told |= {"interval": schedule.interval.total_seconds(), "anchor": anchor and anchor.isoformat()}
    return json.dumps(told, sort_keys=True)


def _schedule(text: str) -> Schedule:
    """The schedule of which `_text` made the text; Prefect's own, which counts."""
    told = json.loads(text)
    if "cron" in told:
        return CronSchedule(cron=told["cron"], timezone=told["timezone"], day_or=told["day_or"])
    if "rrule" in told:
        return RRuleSchedule(rrule=told["rrule"], timezone=told["timezone"])
    values = {"interval": told["interval"], "anchor_date": told["anchor"], "timezone": told["timezone"]}
    return IntervalSchedule.model_validate(values)
