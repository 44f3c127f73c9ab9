"""The runs that Prefect has planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort

from tasks.due import plain

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from prefect.client.orchestration import PrefectClient

__all__ = ["next_runs"]

_PLANNED = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])))
_PAGE = 200


async def next_runs(client: PrefectClient, deployments: list[UUID]) -> dict[UUID, datetime]:
    """When the next run of each deployment is due; those that have none are left out."""
    found: dict[UUID, datetime] = {}
    offset = 0
    while len(found) < len(set(deployments)):
        page = await client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=deployments)),
            flow_run_filter=_PLANNED,
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
            limit=_PAGE,
            offset=offset,
        )
        for run in page:
            due_at = plain(run.expected_start_time)
            if run.deployment_id is not None and due_at is not None:
                found.setdefault(run.deployment_id, due_at)
        if len(page) < _PAGE:
            break
        offset += _PAGE
    return found
