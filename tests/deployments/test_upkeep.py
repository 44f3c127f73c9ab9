"""Deployments that look after the instance, and have no source."""

import asyncio
import os
import time
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from support.instance import Instance, eventually

from deployments.client import open_client
from deployments.schedules.file import read_deployments, read_upkeep
from deployments.serving import upkeep_for
from syncline.model.policies import Priority
from syncline.portfolios.settings import ChainSettings
from syncline.settings import Settings
from syncline.store.engine import Store

NAME = "upkeep-prune_history/prune_history"


def test_upkeep_is_no_source() -> None:
    """Whatever is said of sources (status, budgets, breakers) is not said of it."""
    drains = ["upkeep-drain_jobs/drain_jobs", "upkeep-drain_jobs/drain_jobs-normal", "upkeep-drain_jobs/drain_jobs-low"]
    assert [one.full_name for one in read_upkeep()] == [*drains, NAME]
    assert not {*drains, NAME} & {one.full_name for one in read_deployments()}


def test_one_machine_serves_the_drains_that_it_needs(store: Store, tmp_path: Path) -> None:
    """None without accounts; on SQLite one, which takes all lanes, for several would wait for each other's writes."""
    without = Settings(home=tmp_path)
    wallets = without.model_copy(update={"chains": {1: ChainSettings(rpc_url=SecretStr("http://127.0.0.1:1"))}})
    served = [[one.name for one in upkeep_for(settings, store, read_upkeep())] for settings in (without, wallets)]
    drains = ["drain_jobs"] if store.is_sqlite else ["drain_jobs", "drain_jobs-normal", "drain_jobs-low"]
    assert served == [["prune_history"], [*drains, "prune_history"]]
    (first, *_) = (one for one in read_upkeep() if one.name == "drain_jobs")
    assert first.parameters["priorities"] == [str(priority) for priority in Priority]


def test_the_flow_of_each_upkeep_is_there_by_its_name() -> None:
    """A worker would find out at night that a name in prefect.yaml is wrong."""
    for deployment in read_upkeep():
        module, _, name = deployment.entrypoint.rpartition(".")
        assert getattr(import_module(module), name).name == deployment.flow_name
        assert deployment.schedules


@pytest.mark.slow
def test_old_history_is_deleted_by_the_runner(calm: Instance) -> None:
    """It is served beside the sources, and once a day it does what its name says."""
    storage = calm.settings.home / "prefect" / "storage"
    storage.mkdir(parents=True, exist_ok=True)
    (storage / "old").write_text("pickle")
    a_month_ago = time.time() - 30 * 86_400
    os.utime(storage / "old", (a_month_ago, a_month_ago))
    with calm.store.write() as connection:
        at = calm.store.clock.now() - timedelta(days=400)
        connection.execute(
            text("INSERT INTO audit_log (at, actor, action, target) VALUES (:at, 'a', 'upkeep-test', 'c')"),
            {"at": at.strftime("%Y-%m-%d %H:%M:%S.%f")},
        )
    flow_run_id = asyncio.run(_run(calm.settings))
    assert eventually(lambda: asyncio.run(_ended(calm.settings, flow_run_id)), "end of the upkeep") == "COMPLETED"
    with calm.store.read() as connection:
        left = connection.execute(text("SELECT count(*) FROM audit_log WHERE action = 'upkeep-test'")).scalar()
    assert (left, (storage / "old").exists()) == (0, False)


async def _run(settings: Settings) -> UUID:
    async with open_client(settings) as client:
        deployment = await client.read_deployment_by_name(NAME)
        return (await client.create_flow_run_from_deployment(deployment.id)).id


async def _ended(settings: Settings, flow_run_id: UUID) -> str | None:
    async with open_client(settings) as client:
        run = await client.read_flow_run(flow_run_id)
    return run.state_type.value if run.state_type is not None and run.end_time is not None else None
