"""The first run of a deployment after a start: a few seconds later, unless one is due anyway."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.states import Scheduled

from syncline.model.session import Trigger
from tasks.due import TRIGGER_TAG

__all__ = ["FIRST_RUN_AFTER", "schedule_first_run"]

FIRST_RUN_AFTER = timedelta(seconds=5)
"""As the seed's `startAutoSync` has it."""

_PLANNED = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
"""A run that Prefect believes to be running may be dead for long; whether one is, admission finds out."""


async def schedule_first_run(client: PrefectClient, deployment_id: UUID, *, at: datetime, key: str) -> bool:
    """Schedule a run at `at`, once for each `key`; False where the schedule is stopped, or a run is due before."""
    deployment = await client.read_deployment(deployment_id)
    if deployment.paused or not any(schedule.active for schedule in deployment.schedules):
        return False
    if await _is_due_before(client, deployment_id, at):
        return False
    await client.create_flow_run_from_deployment(
        deployment_id,
        state=Scheduled(scheduled_time=at),
        tags=[f"{TRIGGER_TAG}{Trigger.SCHEDULE}"],
        idempotency_key=key,
    )
    return True


async def _is_due_before(client: PrefectClient, deployment_id: UUID, at: datetime) -> bool:
    runs = await client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id])),
        flow_run_filter=FlowRunFilter(
            state=_PLANNED,
            expected_start_time=FlowRunFilterExpectedStartTime.model_validate({"before_": at}),
        ),
        limit=1,
    )
    return bool(runs)
