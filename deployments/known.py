"""The deployments of our sources, as Prefect knows them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.responses import DeploymentResponse

from flows.registry import names
from tasks.due import flow_name, source_of

__all__ = ["Known", "known_deployments", "known_flows"]

_PAGE = 200


@dataclass(frozen=True, kw_only=True)
class Known:
    """A deployment, the source whose flow it runs, and the name by which Prefect finds it."""

    source: str
    full_name: str
    deployment: DeploymentResponse


async def known_flows(client: PrefectClient) -> dict[UUID, str]:
    """The source of each of our flows, by the flow's id."""
    flows = await client.read_flows(flow_filter=_ours(), limit=_PAGE)
    return {flow.id: source_of(flow.name) for flow in flows}


async def known_deployments(client: PrefectClient) -> list[Known]:
    """All deployments of our flows, by their names."""
    sources = await known_flows(client)
    found: list[Known] = []
    offset = 0
    while True:
        page = await client.read_deployments(flow_filter=_ours(), limit=_PAGE, offset=offset)
        for one in page:
            source = sources.get(one.flow_id)
            if source is not None:
                full_name = f"{flow_name(source)}/{one.name}"
                found.append(Known(source=source, full_name=full_name, deployment=one))
        if len(page) < _PAGE:
            return sorted(found, key=lambda known: known.full_name)
        offset += _PAGE


def _ours() -> FlowFilter:
    return FlowFilter(name=FlowFilterName(any_=[flow_name(source) for source in names()]))
