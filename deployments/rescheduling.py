"""Changing a source's schedule, in our database and in Prefect: both, or neither."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from prefect.logging import get_logger

from deployments.first_run import schedule_first_run
from deployments.schedules import interval_schedule, main_schedule
from syncline.store import audit, schedules

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import DeploymentSchedule
    from prefect.client.schemas.responses import DeploymentResponse
    from prefect.client.schemas.schedules import IntervalSchedule

    from syncline.store.engine import Store

__all__ = ["reschedule"]


async def reschedule(
    client: PrefectClient,
    deployment: DeploymentResponse,
    store: Store,
    source: str,
    *,
    every_seconds: float | None,
    actor: str,
) -> None:
    """Switch the schedules on, `every_seconds` from now on (None: as they were), and run the source at once.

    Each step puts down how it is undone; where a later one fails, all are, and the error is raised.
    """
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
        if deployment.paused:
            _undo(undo, lambda: client.pause_deployment(deployment.id))
            await client.resume_deployment(deployment.id)
        await schedule_first_run(client, deployment.id, at=now, key=f"start-{source}-{now.isoformat()}")
        await asyncio.to_thread(_remember, store, source, every_seconds, actor, now)
        undo.pop_all()


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


def _remember(store: Store, source: str, every_seconds: float | None, actor: str, now: datetime) -> None:
    with store.write() as connection:
        detail = {"every_seconds": every_seconds}
        audit.record(connection, actor=actor, action="schedule.start", target=source, now=now, detail=detail)
