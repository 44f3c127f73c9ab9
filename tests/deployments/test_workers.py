import asyncio
from pathlib import Path

import pytest
from prefect.client.schemas.actions import WorkPoolCreate
from support import warm
from support.instance import Instance

import flows
from deployments import controls
from deployments.client import open_client
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.store import schedules

pytestmark = pytest.mark.slow

PROJECT = Path(flows.__path__[0]).parent


def test_one_command_gives_workers_what_is_set_up(alone: Instance) -> None:
    """One machine or ten: what runs when is written once, and no tick fails for want of an address."""
    env = alone.env | {"PWD": str(PROJECT)}
    worker = alone.supervisor.start(
        "worker", ["prefect", "worker", "start", "--pool", "syncline", "--type", "process"], env=env
    )
    try:
        _deploy(alone, "--name", "quests")
        assert asyncio.run(_is_paused(alone, "quests")) is False
        assert "would leave out quests" in _run(alone, "cli.main", "deploy", "--plan")
        asyncio.run(controls.stop(alone.settings, alone.store, "customers", actor="test"))
        said = _run(alone, "cli.main", "deploy")
        assert "deployed products, customers, prune_history" in said
        assert "left out quests, which is not set up: its runs are no longer planned" in said
        assert asyncio.run(_is_paused(alone, "quests")) is True
        info = asyncio.run(controls.scheduled(alone.settings))
        assert (info["products"].active, info["customers"].active) == (True, False)
        assert _worked(alone).status is Status.COMPLETED
    finally:
        worker.stop()
        asyncio.run(controls.start(alone.settings, alone.store, "customers", every_seconds=None, actor="test"))
        asyncio.run(_forget(alone, "quests"))


def test_a_deploy_forgets_an_interval_and_a_command_brings_it_back(alone: Instance) -> None:
    """`prefect deploy` reads prefect.yaml alone; what an operator typed once is not to be typed after each deploy."""
    with alone.store.write() as connection:
        now = alone.store.clock.now()
        schedules.override(connection, "customers", interval_seconds=900, changed_by="ann", now=now)
    try:
        _deploy(alone, "--name", "customers")
        assert _rhythm(alone) == "every 30 min"
        assert "customers runs every 900 s" in _run(alone, "cli.main", "apply-intervals")
        assert _rhythm(alone) == "every 15 min"
    finally:
        with alone.store.write() as connection:
            schedules.drop(connection, "customers")


def _rhythm(alone: Instance) -> str:
    return asyncio.run(controls.scheduled(alone.settings))["customers"].text


def _deploy(alone: Instance, *which: str) -> None:
    asyncio.run(_make_pool(alone))
    _run(alone, "prefect", "--no-prompt", "deploy", *which)


def _run(alone: Instance, *module: str) -> str:
    """What the module said, which ended well."""
    env = alone.env | {"PWD": str(PROJECT)}
    done = warm.run("-m", *module, env=env, cwd=PROJECT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _worked(alone: Instance) -> SyncSession:
    """The session of a run that the worker took; one that met a tick of the schedule is asked for once more."""
    while True:
        run = asyncio.run(controls.run_now(alone.settings, "products", mode=Mode.INCREMENTAL, trigger=Trigger.API))
        session = alone.session_of(run, "completed", "failed", "crashed", "skipped", "deferred")
        if session.status not in {Status.SKIPPED, Status.DEFERRED}:
            return session


async def _is_paused(alone: Instance, source: str) -> bool:
    async with open_client(alone.settings) as client:
        return (await client.read_deployment_by_name(f"sync-{source}/{source}")).paused


async def _forget(alone: Instance, source: str) -> None:
    async with open_client(alone.settings) as client:
        await client.delete_deployment((await client.read_deployment_by_name(f"sync-{source}/{source}")).id)


async def _make_pool(alone: Instance) -> None:
    async with open_client(alone.settings) as client:
        await client.create_work_pool(WorkPoolCreate(name="syncline", type="process"), overwrite=True)
