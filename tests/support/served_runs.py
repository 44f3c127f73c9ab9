"""Runs that a served instance makes: started, hanging at their upstream, cancelled, ended."""

import asyncio
from uuid import UUID

from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelling

from deployments import controls
from deployments.client import open_client
from support.instance import Instance, eventually
from syncline.model.policies import Mode
from syncline.model.session import Trigger
from syncline.model.target import Target
from syncline.store import leases

__all__ = ["PRODUCTS", "cancel", "ended", "hanging", "started"]

PRODUCTS = "/erp/products"


def started(calm: Instance, source: str = "products", mode: Mode = Mode.FULL) -> str:
    """The id of a run that somebody asked for."""
    return asyncio.run(controls.run_now(calm.settings, source, mode=mode, trigger=Trigger.API))


def hanging(calm: Instance) -> tuple[str, int]:
    """A run that waits for its upstream, and its process."""
    calm.box.faults.add("hang", path=PRODUCTS, count=None)
    flow_run_id = started(calm)
    session = calm.session_of(flow_run_id, "running")
    eventually(lambda: calm.box.faults.orders()[0].struck, "request")
    with calm.store.read() as connection:
        lease = leases.holder(connection, Target("products"))
    assert lease is not None
    assert lease.owner == session.id
    return flow_run_id, lease.pid


def ended(calm: Instance, flow_run_id: str) -> FlowRun:
    """The flow run, once Prefect says that it has ended."""

    async def look() -> FlowRun | None:
        async with open_client(calm.settings) as client:
            run = await client.read_flow_run(UUID(flow_run_id))
        return run if run.state is not None and run.state.is_final() else None

    return eventually(lambda: asyncio.run(look()), f"end of flow run {flow_run_id}")


async def cancel(calm: Instance, flow_run_id: str) -> None:
    """The Cancel button of Prefect's UI."""
    async with open_client(calm.settings) as client:
        await client.set_flow_run_state(UUID(flow_run_id), Cancelling(message="by the test"))
