"""Flow runs as Prefect tells them, page by page, and their states as we set them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort

from flows.registry import names
from tasks.due import flow_name

__all__ = ["in_states", "read_all", "read_by_id", "set_states"]

_PAGE = 200
"""As many as Prefect gives at once."""
_BULK: Any = "/flow_runs/bulk_set_state"
"""The client's own list of routes lacks it."""
_SET_AT_ONCE = 50
"""As many as it changes at once."""


def in_states(*types: StateType) -> FlowRunFilterState:
    """The filter for runs in one of these states."""
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types)))


async def read_all(
    client: PrefectClient, wanted: FlowRunFilter, *, deployments: Sequence[UUID] | None = None
) -> list[FlowRun]:
    """All runs of our flows, or of these deployments, that fit the filter, however many there are."""
    flows = FlowFilter(name=FlowFilterName(any_=[flow_name(source) for source in names()]))
    of_deployments = None if deployments is None else DeploymentFilter(id=DeploymentFilterId(any_=list(deployments)))
    found: dict[UUID, FlowRun] = {}
    offset = 0
    while True:
        page = await client.read_flow_runs(
            flow_filter=flows if deployments is None else None,
            deployment_filter=of_deployments,
            flow_run_filter=wanted,
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
            limit=_PAGE,
            offset=offset,
        )
        found |= {run.id: run for run in page}
        if len(page) < _PAGE:
            return list(found.values())
        offset += _PAGE


async def read_by_id(client: PrefectClient, ids: Sequence[UUID]) -> dict[str, FlowRun]:
    """These runs by id; those that the server does not know are left out."""
    found: dict[str, FlowRun] = {}
    for first in range(0, len(ids), _PAGE):
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=list(ids[first : first + _PAGE])))
        runs = await client.read_flow_runs(flow_run_filter=wanted, limit=_PAGE)
        found |= {str(run.id): run for run in runs}
    return found


async def set_states(client: PrefectClient, ids: Sequence[UUID], state: State[None], *, only_in: StateType) -> None:
    """Give these runs the state, as far as they are still in a state of the type `only_in`."""
    for first in range(0, len(ids), _SET_AT_ONCE):
        wanted = FlowRunFilter(
            id=FlowRunFilterId(any_=list(ids[first : first + _SET_AT_ONCE])), state=in_states(only_in)
        )
        body = {
            "flow_runs": wanted.model_dump(mode="json", exclude_unset=True),
            "state": {"type": state.type.value, "name": state.name, "message": state.message},
            "limit": _SET_AT_ONCE,
        }
        response = await client.request("POST", _BULK, json=body)
        response.raise_for_status()
