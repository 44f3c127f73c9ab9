"""The hard end of a run that was forked: it ends its own process, and no other."""

import asyncio
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.states import Pending
from support.instance import Instance

from deployments.client import open_client
from deployments.forking import ForkServer

pytestmark = pytest.mark.slow

_TESTS = Path(__file__).parents[1]


async def made(calm: Instance) -> str:
    """A run of the deaf flow, which no runner takes."""
    async with open_client(calm.settings) as client:
        flow_id = await client.create_flow_from_name("sync-products")
        deployment_id = await client.create_deployment(flow_id, "deaf", entrypoint="support.deaf.sync")
        run = await client.create_flow_run_from_deployment(deployment_id, state=Pending())
        return str(run.id)


async def read(calm: Instance, flow_run_id: str) -> FlowRun:
    async with open_client(calm.settings) as client:
        return await client.read_flow_run(UUID(flow_run_id))


def test_a_fork_that_cannot_be_ended_otherwise_is_ended(calm: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would keep a place at the runner from all sources; the fork server goes on."""
    for name, value in (calm.env | {"PYTHONPATH": f"{_TESTS}:{_TESTS.parent}"}).items():
        monkeypatch.setenv(name, value)
    server = ForkServer()
    server.start()
    try:
        flow_run_id = asyncio.run(made(calm))
        run = server.fork(calm.env | {"PREFECT__FLOW_RUN_ID": flow_run_id})
        assert run is not None
        run.begin()
        run.wait()
        assert run.returncode == 0
        failed = calm.session_of(flow_run_id, "failed", "crashed")
        assert (failed.status, failed.error_type) == ("failed", "TimeoutError")
        assert asyncio.run(read(calm, flow_run_id)).state_name == "TimedOut"
        again = server.fork(calm.env)
        assert again is not None
        again.drop()
        again.wait()
    finally:
        server.close()
