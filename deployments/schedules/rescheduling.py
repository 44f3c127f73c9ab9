"""Changing a source's schedule, in our database and in Prefect: both, or neither."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleUpdate, DeploymentUpdate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.logging import get_logger

from deployments.schedules.apply import drop_replaced
from deployments.schedules.file import Deployment
from deployments.schedules.first_run import FIRST_RUN_AFTER, schedule_first_run
from deployments.schedules.plan import interval_schedule, main_schedule, schedules_of
from syncline.errors import ConfigurationError
from syncline.store import audit, schedules
from syncline.store.engine import Store

__all__ = ["reschedule", "restore"]


async def reschedule(
    client: PrefectClient,
    deployment: DeploymentResponse,
    store: Store,
    source: str,
    *,
    every_seconds: float | None,
    actor: str,
) -> float | None:
    """Switch the schedules on, `every_seconds` from now on (None: as they were); the first run is a few seconds later.

    Each step puts down how it is undone; where a later one fails, all are, and the error is raised.

    Returns:
        The seconds between two runs; None where a cron or rrule decides.

    Raises:
        ConfigurationError: the source has no schedule that could be switched on.
    """
    if not deployment.schedules:
        raise ConfigurationError(f"{source} has no schedule: give its deployment one in prefect.yaml")
    now = store.clock.now()
    async with AsyncExitStack() as undo:
        before = await asyncio.to_thread(_overrides, store)
        if every_seconds is not None:
            await asyncio.to_thread(_override, store, source, round(every_seconds), actor, now)
            _undo(undo, lambda: asyncio.to_thread(_override, store, source, before.get(source), actor, now))
        main = main_schedule(source, deployment.schedules)
        for schedule in deployment.schedules:
            _undo(undo, lambda schedule=schedule: _put_back(client, deployment, schedule))
            active = schedule is main or (every_seconds is None and source not in before)
            changed = None if every_seconds is None or schedule is not main else _every(every_seconds, schedule)
            await client.update_deployment_schedule(deployment.id, schedule.id, active=active, schedule=changed)
        await _begin(client, deployment, undo, source, now)
        await asyncio.to_thread(_remember, store, source, every_seconds, actor, now)
        undo.pop_all()
    return await _interval(client, deployment)


async def restore(
    client: PrefectClient, deployment: DeploymentResponse, store: Store, plan: Deployment, *, actor: str
) -> float | None:
    """Forget the interval that was set for a source, and switch the schedules of its `plan` on; as `reschedule` does.

    Raises:
        ConfigurationError: the plan has no schedule.
    """
    source, now = plan.source, store.clock.now()
    if not plan.schedules:
        raise ConfigurationError(f"{source} has no schedule: give its deployment one in prefect.yaml")
    async with AsyncExitStack() as undo:
        before = await asyncio.to_thread(_overrides, store)
        await asyncio.to_thread(_override, store, source, None, actor, now)
        _undo(undo, lambda: asyncio.to_thread(_override, store, source, before.get(source), actor, now))
        _undo(undo, lambda: _put_all_back(client, deployment))
        made = schedules_of(plan, None)
        updates = [
            DeploymentScheduleUpdate.model_validate(one.model_dump(exclude_unset=True) | {"active": True})
            for one in made
        ]
        await client.update_deployment(deployment.id, DeploymentUpdate(schedules=updates))
        await drop_replaced(client, plan, made)
        await _begin(client, deployment, undo, source, now)
        await asyncio.to_thread(_remember, store, source, "default", actor, now)
        undo.pop_all()
    return await _interval(client, deployment)


async def _begin(
    client: PrefectClient, deployment: DeploymentResponse, undo: AsyncExitStack, source: str, now: datetime
) -> None:
    """Let the deployment run, the first time a few seconds from now."""
    if deployment.paused:
        _undo(undo, lambda: client.pause_deployment(deployment.id))
        await client.resume_deployment(deployment.id)
    key = f"start-{source}-{now.isoformat()}"
    await schedule_first_run(client, deployment.id, at=now + FIRST_RUN_AFTER, key=key)


async def _interval(client: PrefectClient, deployment: DeploymentResponse) -> float | None:
    """The seconds between two runs, as Prefect has them now."""
    found = [one.schedule for one in (await client.read_deployment(deployment.id)).schedules if one.active]
    intervals = [one.interval.total_seconds() for one in found if isinstance(one, IntervalSchedule)]
    return min(intervals, default=None) if len(intervals) == len(found) else None


def _undo(stack: AsyncExitStack, step: Callable[[], Awaitable[None]]) -> None:
    """Have `step` done if a later one fails; where it cannot be, the others still are."""

    async def undone() -> None:
        try:
            await step()
        except Exception:  # noqa: BLE001 - the error that led here is the one to raise
            get_logger("syncline").warning("a change of the schedule could not be undone", exc_info=True)

    stack.push_async_callback(undone)


async def _put_back(client: PrefectClient, deployment: DeploymentResponse, schedule: DeploymentSchedule) -> None:
    await client.update_deployment_schedule(
        deployment.id, schedule.id, active=schedule.active, schedule=schedule.schedule
    )


async def _put_all_back(client: PrefectClient, deployment: DeploymentResponse) -> None:
    """Have the schedules again that `deployment` had, and no others."""
    fields = {"slug", "schedule", "active", "parameters", "max_scheduled_runs"}
    before = [DeploymentScheduleUpdate.model_validate(one.model_dump(include=fields)) for one in deployment.schedules]
    await client.update_deployment(deployment.id, DeploymentUpdate(schedules=before))
    slugs = {one.slug for one in before}
    for schedule in (await client.read_deployment(deployment.id)).schedules:
        if schedule.slug not in slugs:
            await client.delete_deployment_schedule(deployment.id, schedule.id)


def _every(seconds: float, schedule: DeploymentSchedule) -> IntervalSchedule:
    return interval_schedule(seconds, anchor=getattr(schedule.schedule, "anchor_date", None))


def _overrides(store: Store) -> dict[str, int]:
    with store.read() as connection:
        return schedules.overrides(connection)


def _override(store: Store, source: str, seconds: int | None, actor: str, now: datetime) -> None:
    with store.write() as connection:
        if seconds is None:
            schedules.drop(connection, source)
        else:
            schedules.override(connection, source, interval_seconds=seconds, changed_by=actor, now=now)


def _remember(store: Store, source: str, every_seconds: float | str | None, actor: str, now: datetime) -> None:
    with store.write() as connection:
        detail = {"every_seconds": every_seconds}
        audit.record(connection, actor=actor, action="schedule.start", target=source, now=now, detail=detail)
