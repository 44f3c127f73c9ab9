"""`syncline deploy`: what `prefect deploy --all` does for workers, and what that leaves out.

The work pool is made if there is none, limits are made, the intervals of the environment and of operators are applied,
sources that are not set up are not scheduled, and what an operator stopped or paused stays so.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from deployments.client import open_client
from deployments.environment import prefect_env, settings_env
from deployments.preflight import DRAIN_TAG, check_deployments, has_accounts, is_set_up
from deployments.schedules.apply import apply_intervals, is_stopped, pause_unconfigured, resume_configured
from deployments.schedules.file import Deployment, default_path, read_deployments, read_upkeep
from flows.registry import find
from syncline.errors import ConfigurationError, SynclineError
from syncline.settings import Settings
from syncline.store.engine import Store
from tasks.limit import limit_name, make_limit

__all__ = ["Plan", "deploy", "plan"]

_DEPLOY_SECONDS = 600
_LAST_LINES = 5


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a deploy does.

    Attributes:
        deployed: the deployments that workers get.
        left_out: those whose source is not set up; Prefect plans no runs of one that it knows from before.
        pools: the names of the work pools that they need.
    """

    deployed: tuple[Deployment, ...]
    left_out: tuple[Deployment, ...]
    pools: tuple[str, ...]


def plan(settings: Settings) -> Plan:
    """What a deploy of prefect.yaml would do by these settings.

    Raises:
        ConfigurationError: prefect.yaml cannot be used, or a deployment of it names no work pool.
    """
    check_deployments()
    ready: list[Deployment] = []
    left_out: list[Deployment] = []
    for one in read_deployments():
        (ready if is_set_up(settings, find(one.source)) else left_out).append(one)
    upkeep = read_upkeep()
    ready += [one for one in upkeep if has_accounts(settings) or DRAIN_TAG not in one.tags]
    for one in ready:
        if one.work_pool is None:
            raise ConfigurationError(f"prefect.yaml: the deployment {one.name} needs a `work_pool` to be deployed")
    pools = sorted({one.work_pool.name for one in ready if one.work_pool is not None})
    return Plan(deployed=tuple(ready), left_out=tuple(left_out), pools=tuple(pools))


def deploy(settings: Settings, store: Store, *, say: Callable[[str], None]) -> None:
    """Give the deployments of prefect.yaml to the workers; `say` prints a line for the user.

    Raises:
        ConfigurationError: as `plan` does.
        PrefectUnavailableError: Prefect's server cannot be reached.
        SynclineError: `prefect deploy` failed; its last lines are in the message.
    """
    wanted = plan(settings)
    paused = asyncio.run(_prepare(settings, wanted, say))
    _run_prefect(settings, wanted.deployed)
    say(f"deployed {', '.join(one.name for one in wanted.deployed)}")
    asyncio.run(_finish(settings, store, wanted, paused, say))


async def _prepare(settings: Settings, wanted: Plan, say: Callable[[str], None]) -> set[str]:
    """Make the pools, and pause what is not set up; the names of those that an operator paused."""
    async with open_client(settings) as client:
        for pool in wanted.pools:
            if await _make_pool(client, pool):
                say(f"made the work pool {pool}")
        for one in wanted.left_out:
            was_running = await pause_unconfigured(client, one.full_name)
            said = "its runs are no longer planned" if was_running else "no runs of it are planned"
            say(f"left out {one.name}, which is not set up: {said}")
        paused = {one.full_name for one in wanted.deployed if await is_stopped(client, one.full_name)}
        for one in wanted.deployed:
            await resume_configured(client, one.full_name)
        return paused


async def _finish(settings: Settings, store: Store, wanted: Plan, paused: set[str], say: Callable[[str], None]) -> None:
    """Limits, intervals, and the pauses that operators made."""
    async with open_client(settings) as client:
        for one in wanted.deployed:
            if one.full_name in paused:
                await client.pause_deployment((await client.read_deployment_by_name(one.full_name)).id)
                say(f"{one.name} stays paused")
            if not one.is_upkeep and await make_limit(client, one.source):
                say(f"made the limit {limit_name(one.source)}")
    for source, seconds in (await apply_intervals(settings, store)).items():
        say(f"{source} runs every {seconds:g} s")


async def _make_pool(client: PrefectClient, name: str) -> bool:
    try:
        await client.read_work_pool(name)
    except ObjectNotFound:
        try:
            await client.create_work_pool(WorkPoolCreate(name=name, type="process"))
        except ObjectAlreadyExists:
            return False
        return True
    return False


def _run_prefect(settings: Settings, deployments: Sequence[Deployment]) -> None:
    """Have Prefect's own command deploy them, so that workers find what it makes of prefect.yaml."""
    folder = default_path().parent
    names = [part for one in deployments for part in ("--name", one.name)]
    env = os.environ | settings_env(settings) | prefect_env(settings) | {"PWD": str(folder)}
    try:
        done = subprocess.run(  # noqa: S603 - a command of this program
            [sys.executable, "-m", "prefect", "--no-prompt", "deploy", *names],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=_DEPLOY_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"`prefect deploy` did not end within {_DEPLOY_SECONDS} s: see whether Prefect's server is slow"
        raise SynclineError(message) from None
    if done.returncode:
        last = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()][-_LAST_LINES:]
        raise SynclineError(f"`prefect deploy` failed: {' / '.join(last)}")
