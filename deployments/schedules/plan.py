"""The plan: prefect.yaml with the intervals that the environment or an operator set, as schedules for Prefect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.schedules import SCHEDULE_TYPES, CronSchedule, IntervalSchedule, RRuleSchedule

from deployments.schedules.file import Deployment, ScheduleEntry, read_deployments
from syncline.settings import Settings

__all__ = ["ANCHOR", "interval_schedule", "is_overridable", "main_schedule", "planned", "schedules_of"]

ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)
"""From which an interval counts that takes the place of a cron."""


def planned(settings: Settings, deployments: Iterable[Deployment] | None = None) -> list[Deployment]:
    """The deployments of prefect.yaml, or those given, with the intervals of the environment.

    A source's main deployment then has one schedule: the first, which keeps its slug, anchor, timezone and parameters.

    Raises:
        ConfigurationError: prefect.yaml cannot be used.
    """
    found = read_deployments() if deployments is None else deployments
    return [_every(one, settings.intervals.get(one.source)) for one in found]


def schedules_of(deployment: Deployment, override_seconds: float | None) -> list[DeploymentScheduleCreate]:
    """The schedules of `deployment`; an override replaces the first of them and switches off the others.

    `active` is left out otherwise, so that a schedule which was switched off stays so.
    """
    made = [_created(entry) for entry in deployment.schedules]
    if override_seconds is None or not made:
        return made
    first, *others = deployment.schedules
    schedule = interval_schedule(override_seconds, anchor=first.anchor_date, timezone=first.timezone)
    kept = DeploymentScheduleCreate(slug=first.slug, schedule=schedule, parameters=first.parameters)
    off = [_created(entry).model_copy(update={"active": False}) for entry in others]
    return [kept, *off]


def is_overridable(deployment: Deployment) -> bool:
    """Whether an operator's interval goes to this deployment: the source's main one, which has its name."""
    return deployment.name == deployment.source


def main_schedule(
    source: str, known: Sequence[DeploymentSchedule], deployments: Iterable[Deployment] | None = None
) -> DeploymentSchedule | None:
    """The one of the `known` schedules that an operator's interval replaces: the first in prefect.yaml, by its slug.

    Prefect tells them in the order of their last change. None where it knows none.
    """
    mine = [one for one in deployments or read_deployments() if one.source == source and is_overridable(one)]
    slug = next((schedule.slug for one in mine for schedule in one.schedules), None)
    return next((schedule for schedule in known if schedule.slug == slug), known[0] if known else None)


def interval_schedule(seconds: float, *, anchor: datetime | None, timezone: str = "UTC") -> IntervalSchedule:
    """Every `seconds`, counted from `anchor`.

    Unset, as where the interval takes the place of a cron: from the first of January 2026, because Prefect would count
    from each start anew.
    """
    return IntervalSchedule(interval=timedelta(seconds=seconds), anchor_date=anchor or ANCHOR, timezone=timezone)


def _created(entry: ScheduleEntry) -> DeploymentScheduleCreate:
    return DeploymentScheduleCreate(slug=entry.slug, schedule=_schedule(entry), parameters=entry.parameters)


def _schedule(entry: ScheduleEntry) -> SCHEDULE_TYPES:
    if entry.interval is not None:
        return interval_schedule(entry.interval, anchor=entry.anchor_date, timezone=entry.timezone)
    if entry.cron is not None:
        return CronSchedule(cron=entry.cron, timezone=entry.timezone)
    return RRuleSchedule(rrule=entry.rrule or "", timezone=entry.timezone)


def _every(deployment: Deployment, seconds: float | None) -> Deployment:
    if seconds is None or not deployment.schedules or not is_overridable(deployment):
        return deployment
    first = deployment.schedules[0]
    instead = {"interval": seconds, "cron": None, "rrule": None, "anchor_date": first.anchor_date or ANCHOR}
    return deployment.model_copy(update={"schedules": [first.model_copy(update=instead)]})
