import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from prefect.client.schemas.actions import WorkPoolCreate
from support.instance import Instance

import flows
from deployments import controls
from deployments.client import open_client
from syncline.model.policies import Mode
from syncline.model.session import Status, Trigger

pytestmark = pytest.mark.slow

PROJECT = Path(flows.__path__[0]).parent


def test_the_same_file_is_deployed_to_workers(calm: Instance) -> None:
    """One machine or ten: what runs when is written once."""
    calm.runners.pop().stop()
    asyncio.run(_make_pool(calm))
    env = calm.env | {"PWD": str(PROJECT)}
    deploy = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    done = subprocess.run(deploy, env=env, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    worker = calm.house.start(
        "worker", ["prefect", "worker", "start", "--pool", "syncline", "--type", "process"], env=env
    )
    try:
        run = controls.run_now(calm.settings, "products", mode=Mode.INCREMENTAL, trigger=Trigger.API)
        assert calm.session_of(asyncio.run(run), "completed", "failed", "crashed").status is Status.COMPLETED
    finally:
        worker.stop()
        calm.restart_runner()


async def _make_pool(calm: Instance) -> None:
    async with open_client(calm.settings) as client:
        await client.create_work_pool(WorkPoolCreate(name="syncline", type="process"))
