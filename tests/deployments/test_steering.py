"""What an operator does to runs, against a real Prefect server."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.states import Completed
from support.instance import Instance
from support.records import open_session

from deployments import controls
from deployments.client import open_client
from syncline.model.session import Status
from syncline.passes.ending import end

pytestmark = pytest.mark.slow


async def _ended_run(instance: Instance, parameters: dict[str, Any]) -> str:
    """A run of products that is over; its id."""
    async with open_client(instance.settings) as client:
        deployment = await client.read_deployment_by_name("sync-products/products")
        made = await client.create_flow_run_from_deployment(deployment.id, parameters=parameters, state=Completed())
        return str(made.id)


async def _read(instance: Instance, flow_run_id: str) -> FlowRun:
    async with open_client(instance.settings) as client:
        return await client.read_flow_run(UUID(flow_run_id))


@pytest.mark.parametrize("attempt", ["", "~2"])
def test_a_run_that_goes_on_after_a_hold_is_asked_for_the_same_as_the_first(calm: Instance, attempt: str) -> None:
    """A forced full pass that lost its `force` in a pause would refuse the deletions that it was forced to do."""
    asked = {"mode": "full", "force": True}
    first = asyncio.run(_ended_run(calm, asked))
    held = open_session(calm.store, f"held{attempt}", flow_run_id=f"{first}{attempt}")
    end(calm.store, held, Status.DEFERRED, reason="paused: why", held=True)
    (started,) = asyncio.run(controls.resume_deferred(calm.settings, calm.store, "products"))
    assert asyncio.run(_read(calm, started)).parameters == asked
    assert calm.session_of(started, "completed").trigger == "retry"
