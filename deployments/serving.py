"""One runner for all deployments: registers them, makes their limits, starts their first runs, and runs what is due.

A source whose upstream has no address is left out.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from datetime import timedelta

from prefect.deployments.runner import RunnerDeployment
from prefect.logging import get_logger
from prefect.runner import Runner

from deployments.capacity import runs_at_once
from deployments.client import open_client
from deployments.ended import close_ended
from deployments.environment import FIRST_RUNS_VARIABLE
from deployments.forking import ForkServer
from deployments.late_runs import resolve_late
from deployments.local.vitals import give_signs
from deployments.preflight import DRAIN_TAG, has_accounts, is_set_up
from deployments.run_processes import RunProcesses
from deployments.runner import SyncRunner
from deployments.schedules.apply import drop_replaced, is_stopped, kept_stopped, pause_unconfigured
from deployments.schedules.file import Deployment, read_deployments, read_upkeep
from deployments.schedules.first_run import FIRST_RUN_AFTER, schedule_first_run
from deployments.schedules.plan import is_overridable, planned, schedules_of
from flows.registry import find
from syncline.errors import ConfigurationError, PrefectUnavailableError
from syncline.settings import Settings
from syncline.store import schedules
from syncline.store.engine import Store
from tasks.limit import make_limit

__all__ = [
    "FIRST_RUN_AFTER",
    "first_run_after",
    "register",
    "register_upkeep",
    "runner_deployments",
    "serve",
]

_DAY_SECONDS = 86_400
_AT_ONCE = 2
"""First runs that begin together, one for each core of a small machine."""
_APART = timedelta(seconds=10)
"""Between the others: a run's process takes a core for some seconds."""
_SERVER_STARTS_SECONDS = 120.0
"""So long Prefect's server may take to answer, as at the start of `syncline up`."""
_ASK_AGAIN_SECONDS = 2.0


async def serve(
    settings: Settings,
    store: Store,
    deployments: Sequence[Deployment] | None = None,
    *,
    fork_server: ForkServer | None = None,
) -> None:
    """Serve all deployments of prefect.yaml, or those given, until the process is told to end.

    A stopped schedule stays stopped: the runner neither pauses schedules when it ends nor resumes them when it starts.
    """
    signs = asyncio.create_task(give_signs())
    found = read_deployments() if deployments is None else deployments
    upkeep = upkeep_for(settings, store, read_upkeep()) if deployments is None else []
    processes = RunProcesses.of(settings)
    processes.forget_old(before=time.time() - _DAY_SECONDS)
    drains = sum(DRAIN_TAG in one.tags for one in upkeep)  # which stay, and hand over to the next
    runner = SyncRunner(store=store, limit=runs_at_once() + 2 * drains, processes=processes, fork_server=fork_server)
    await _register_all(settings, store, runner, found, upkeep)
    await resolve_late(settings, store)
    get_logger("syncline").info("serving all deployments, at most %d runs at once", runner.limit)
    try:
        await runner.start()
    finally:
        signs.cancel()
        await asyncio.to_thread(close_ended, store, runner.ended)


async def _register_all(
    settings: Settings, store: Store, runner: Runner, deployments: Sequence[Deployment], upkeep: Sequence[Deployment]
) -> None:
    """Register the deployments once Prefect's server answers, which may be starting again as this process is.

    Ending here would count as a death of the runner, and several of those end the instance.

    Raises:
        PrefectUnavailableError: it has not answered for as long as it may take to start.
    """
    begin = time.monotonic()
    while True:
        try:
            await register(settings, store, runner, deployments)
            await register_upkeep(settings, store, runner, upkeep)
        except PrefectUnavailableError as error:
            if time.monotonic() - begin > _SERVER_STARTS_SECONDS:
                raise
            get_logger("syncline").warning("the runner waits for Prefect's server: %s", error)
        else:
            return
        await asyncio.sleep(_ASK_AGAIN_SECONDS)


async def register(
    settings: Settings, store: Store, runner: Runner, deployments: Sequence[Deployment] | None = None
) -> None:
    """Make the deployments of prefect.yaml, or those given, known to the server and the `runner`.

    Each gets its limit and, where it has a schedule, its first run.

    Those whose source is not set up are not; Prefect plans no runs of one that it knows from before.
    """
    now = store.clock.now()
    start = os.environ.get(FIRST_RUNS_VARIABLE) or f"{now:%Y%m%dT%H%M%S.%f}"
    served = 0
    async with open_client(settings) as client:
        for deployment, made in runner_deployments(settings, store, deployments):
            if not is_set_up(settings, find(deployment.source)):
                await pause_unconfigured(client, deployment.full_name)
                continue
            await make_limit(client, deployment.source)
            made.paused = await is_stopped(client, deployment.full_name)  # unsaid, Prefect would end any pause
            made.schedules = kept = await kept_stopped(client, deployment.full_name, made.schedules or [])
            deployment_id = await runner.aadd_deployment(made)
            await drop_replaced(client, deployment, kept)
            if deployment.schedules:  # one without is started by hand only
                key = f"first-run-{deployment.full_name}-{start}"
                await schedule_first_run(client, deployment_id, at=now + first_run_after(served), key=key)
                served += 1


async def register_upkeep(settings: Settings, store: Store, runner: Runner, deployments: Sequence[Deployment]) -> None:
    """Make deployments without a source known to the server and the `runner`; they wait for their time.

    A drain begins at once: somebody who registers a wallet would else wait for minutes.
    """
    now = store.clock.now()
    start = os.environ.get(FIRST_RUNS_VARIABLE) or f"{now:%Y%m%dT%H%M%S.%f}"
    async with open_client(settings) as client:
        for deployment in deployments:
            made = _made(deployment, None)
            made.paused = await is_stopped(client, deployment.full_name)
            made.schedules = await kept_stopped(client, deployment.full_name, made.schedules or [])
            deployment_id = await runner.aadd_deployment(made)
            if DRAIN_TAG in deployment.tags:
                key = f"first-run-{deployment.full_name}-{start}"
                await schedule_first_run(client, deployment_id, at=now, key=key)


def upkeep_for(settings: Settings, store: Store, deployments: Sequence[Deployment]) -> list[Deployment]:
    """Those that one machine serves: no drain where no source with accounts is set up.

    With SQLite it is one drain, for several would wait for each other's writes.
    """
    drained = has_accounts(settings)
    return [
        one for one in deployments if DRAIN_TAG not in one.tags or (drained and not (store.is_sqlite and _slot(one)))
    ]


def _slot(deployment: Deployment) -> int:
    return int(deployment.parameters.get("slot", 0))


def first_run_after(number: int) -> timedelta:
    """How long after the start the first run of the deployment number `number` (from 0) of those served begins."""
    return FIRST_RUN_AFTER + max(0, number + 1 - _AT_ONCE) * _APART


def runner_deployments(
    settings: Settings, store: Store, deployments: Sequence[Deployment] | None = None
) -> list[tuple[Deployment, RunnerDeployment]]:
    """The deployments of prefect.yaml, or those given, with what Prefect makes of them, overridden intervals included.

    Raises:
        ConfigurationError: prefect.yaml cannot be used, or names a source that there is not.
    """
    with store.read() as connection:
        overrides = schedules.overrides(connection)
    found = read_deployments() if deployments is None else deployments
    return [(one, _served(plan, overrides)) for one, plan in zip(found, planned(settings, found), strict=True)]


def _served(deployment: Deployment, overrides: dict[str, int]) -> RunnerDeployment:
    if not deployment.flow_name.startswith("sync-"):
        raise ConfigurationError(f"prefect.yaml: the flow of {deployment.name} must be named sync-SOURCE")
    find(deployment.source)
    return _made(deployment, overrides.get(deployment.source) if is_overridable(deployment) else None)


def _made(deployment: Deployment, override: float | None) -> RunnerDeployment:
    served = RunnerDeployment.from_entrypoint(
        deployment.entrypoint,
        name=deployment.name,
        flow_name=deployment.flow_name,
        schedules=list(schedules_of(deployment, override)),
        parameters=deployment.parameters,
        tags=deployment.tags,
        description=deployment.description,
        version=deployment.version,
    )
    served.work_pool_name = None  # said aloud: a deployment that workers had before is ours now
    served.work_queue_name = None
    return served
