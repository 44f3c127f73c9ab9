"""A run that ends while Prefect's server is away: the record and Prefect tell the same of it in the end."""

import asyncio
from uuid import UUID

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.states import Pending
from support import warm
from support.instance import Instance, eventually
from support.relay import Relay, relayed

from deployments.client import open_client
from deployments.reconciling import reconcile_once
from syncline.store import holds, leases

pytestmark = pytest.mark.slow

PRODUCTS = "/erp/products"


async def made(calm: Instance) -> str:
    """A run of the products that no runner takes."""
    async with open_client(calm.settings) as client:
        deployment = await client.read_deployment_by_name("sync-products/products")
        run = await client.create_flow_run_from_deployment(deployment.id, parameters={"mode": "full"}, state=Pending())
    return str(run.id)


async def read(calm: Instance, flow_run_id: str) -> FlowRun:
    async with open_client(calm.settings) as client:
        return await client.read_flow_run(UUID(flow_run_id))


def begun(calm: Instance, relay: Relay, flow_run_id: str) -> warm.Process:
    """The run in a process of its own, which reaches Prefect through the relay."""
    env = calm.env | {"PREFECT_API_URL": f"http://127.0.0.1:{relay.port}/api", "PREFECT__FLOW_RUN_ID": flow_run_id}
    return warm.Process("-m", "prefect.engine", env=env)


@pytest.mark.parametrize(
    ("fault", "status", "state"), [(None, "completed", "Completed"), ("unauthorized", "failed", "Failed")]
)
def test_the_end_of_a_run_is_told_when_the_server_is_back(
    calm: Instance, fault: str | None, status: str, state: str
) -> None:
    """A server is away for a minute whenever it is updated; work that is done stays done, and failed what failed."""
    late = calm.box.faults.add("latency", seconds=None, path=PRODUCTS, count=1)
    if fault is not None:
        calm.box.faults.add(fault, path=PRODUCTS, count=None)
    flow_run_id = asyncio.run(made(calm))
    with relayed(calm.settings.prefect_port) as relay:
        process = begun(calm, relay, flow_run_id)
        try:
            calm.session_of(flow_run_id, "running")
            eventually(lambda: late.struck, "request")
            relay.cut()
            calm.box.faults.remove(late.id)
            session = calm.session_of(flow_run_id, "completed", "failed", "crashed")
            assert session.status == status
            assert asyncio.run(read(calm, flow_run_id)).state_name == "Running"
            assert is_free(calm, session.id)
            relay.mend()
            assert process.wait(timeout=240) == 0
        finally:
            process.kill()
            release(calm)
    assert asyncio.run(read(calm, flow_run_id)).state_name == state
    assert calm.session_of(flow_run_id, "completed", "failed", "crashed").status == status


def is_free(calm: Instance, session_id: str) -> bool:
    """Whether the next run may begin, though the process still waits."""
    with calm.store.read() as connection:
        lease = leases.holder(connection, "source:products")
        return leases.has_run_out(lease, session_id, now=calm.store.now(connection))


def release(calm: Instance) -> None:
    with calm.store.write() as connection:
        holds.release_all(connection, "products", now=calm.store.clock.now())


@pytest.mark.parametrize(
    ("fault", "status", "state"), [(None, "completed", "Completed"), ("unauthorized", "failed", "Failed")]
)
def test_the_end_of_a_run_that_is_gone_when_the_server_is_back_is_told_by_the_reconciler(
    calm: Instance, fault: str | None, status: str, state: str
) -> None:
    """A server that is away for longer than a run waits for it hears the outcome all the same."""
    late = calm.box.faults.add("latency", seconds=None, path=PRODUCTS, count=1)
    if fault is not None:
        calm.box.faults.add(fault, path=PRODUCTS, count=None)
    flow_run_id = asyncio.run(made(calm))
    with relayed(calm.settings.prefect_port) as relay:
        process = begun(calm, relay, flow_run_id)
        try:
            calm.session_of(flow_run_id, "running")
            eventually(lambda: late.struck, "request")
            relay.cut()
            calm.box.faults.remove(late.id)
            session = calm.session_of(flow_run_id, "completed", "failed", "crashed")
        finally:
            process.kill()
            process.wait()
            release(calm)
    assert asyncio.run(read(calm, flow_run_id)).state_name == "Running"

    def told() -> FlowRun | None:
        asyncio.run(reconcile_once(calm.settings, calm.store))
        run = asyncio.run(read(calm, flow_run_id))
        return run if run.state_name != "Running" else None

    assert eventually(told, "last word on the run", within_seconds=120).state_name == state
    after = calm.session_of(flow_run_id, "completed", "failed", "crashed")
    assert (after.status, after.completed_at) == (status, session.completed_at)
