"""What an operator does to a source's runs: start and stop its schedule, run it now, go on after a hold."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound
from prefect.states import Scheduled

from deployments.breakers import hold_breaker_open, reset_breaker
from deployments.client import open_client
from deployments.schedules import prefect_schedules
from deployments.schedules.expected_interval import cadences
from deployments.schedules.plan import is_overridable, planned
from deployments.schedules.prefect_schedules import ScheduleInfo
from deployments.schedules.rescheduling import reschedule, restore
from flows.registry import find, names
from syncline.errors import ConfigurationError, MissingSettingError
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.source import Source
from syncline.model.target import Target
from syncline.settings import Settings
from syncline.store import audit, sessions
from syncline.store.engine import Store
from tasks.deferral import retry_key
from tasks.due import TRIGGER_TAG, flow_name, flow_run_id_of

__all__ = [
    "ScheduleInfo",
    "cadences",
    "hold_breaker_open",
    "reset_breaker",
    "resume_deferred",
    "run_now",
    "scheduled",
    "start",
    "start_default",
    "stop",
]

_OWN_INTERVALS = (
    "{name} takes no interval here, as its accounts have their own: set PERIODIC_SYNC_MARKET_HOURS_INTERVAL and "
    "PERIODIC_SYNC_OFF_HOURS_INTERVAL, or an account's frequency_seconds"
)


async def start(
    settings: Settings, store: Store, source: str, *, every_seconds: float | None, actor: str
) -> float | None:
    """Switch the source's schedule on, `every_seconds` from now on (None: as it was); it runs first in 5 seconds.

    The interval lasts over restarts; the change stands in the audit log.

    Returns:
        The seconds between two runs from now on; None where a cron or rrule decides.

    Raises:
        UnknownSourceError: there is no such source.
        MissingSettingError: its upstream has no address, so it is not served.
        ConfigurationError: it has accounts, each with an interval of its own, and `every_seconds` is given.
        PrefectUnavailableError: Prefect's server cannot be reached, or refuses; nothing was changed.
    """
    wanted = find(source)
    _require_set_up(settings, wanted)
    if every_seconds is not None and wanted.accounts is not None:
        raise ConfigurationError(_OWN_INTERVALS.format(name=wanted.name))
    async with open_client(settings) as client:
        deployment = await _deployment(client, wanted.name)
        return await reschedule(client, deployment, store, wanted.name, every_seconds=every_seconds, actor=actor)


def _require_set_up(settings: Settings, source: Source) -> None:
    """Raise MissingSettingError where the source's upstream, or the chains of its accounts, have no address."""
    missing = source.missing(settings)
    if source.accounts is None:
        settings.base_url(source.upstream.name)
    elif missing is not None:
        raise MissingSettingError(missing, f"no account of {source.name} can be synced without it")


async def start_default(settings: Settings, store: Store, source: str, *, actor: str) -> float | None:
    """Switch the source's schedule on as prefect.yaml or the environment has it, forgetting what `start` set.

    Returns and raises as `start` does.
    """
    name = find(source).name
    _require_set_up(settings, find(name))
    plan = next((one for one in planned(settings) if one.source == name and is_overridable(one)), None)
    if plan is None:
        raise ConfigurationError(f"prefect.yaml has no deployment named {name}, whose schedule could be taken")
    async with open_client(settings) as client:
        return await restore(client, await _deployment(client, name), store, plan, actor=actor)


async def stop(settings: Settings, store: Store, source: str, *, actor: str) -> None:
    """Switch the source's schedule off; it stays off over restarts. A run under way goes on. Raises as `start` does."""
    name = find(source).name
    async with open_client(settings) as client:
        deployment = await _deployment(client, name)
        for schedule in deployment.schedules:
            await client.update_deployment_schedule(deployment.id, schedule.id, active=False)
    await asyncio.to_thread(_remember_stop, store, name, actor)


def _remember_stop(store: Store, source: str, actor: str) -> None:
    with store.write() as connection:
        now = store.clock.now()
        audit.record(connection, actor=actor, action="schedule.stop", target=source, now=now)


async def run_now(settings: Settings, source: str, *, mode: Mode, trigger: Trigger) -> str:
    """Start a run of the source's deployment; returns the flow run's id. Raises as `start` does."""
    wanted = find(source)
    _require_set_up(settings, wanted)
    async with open_client(settings) as client:
        deployment = await _deployment(client, wanted.name)
        return str(await _run(client, deployment.id, wanted.parameters(mode), trigger=trigger, key=None))


async def resume_deferred(settings: Settings, store: Store, source: str) -> list[str]:
    """Let what a hold deferred go on now: the source's newest run, or every source's for `*`.

    Returns:
        The ids of the flow runs that were started; a run that was scheduled for later is brought forward.

    Raises:
        UnknownSourceError, PrefectUnavailableError: as `start` does.
    """
    wanted = names() if source == "*" else (find(source).name,)
    deferred = await asyncio.to_thread(_deferred, store, wanted)
    if not deferred:
        return []
    async with open_client(settings) as client:
        started: list[str] = []
        for session in deferred:
            deployment = await _deployment(client, session.source)
            parameters, key = await _parameters(client, session), retry_key(session.id)
            flow_run_id = await _run(client, deployment.id, parameters, trigger=Trigger.RETRY, key=key)
            await _bring_forward(client, flow_run_id)
            started.append(str(flow_run_id))
        return started


def _deferred(store: Store, wanted: Iterable[str]) -> list[SyncSession]:
    """The newest session of each source, where a hold put it off; a rate limit or a budget ends at its own time."""
    with store.read() as connection:
        newest = [sessions.latest_started(connection, Target(name)) for name in wanted]
    return [one for one in newest if one is not None and one.status is Status.DEFERRED and one.held]


async def scheduled(settings: Settings) -> dict[str, ScheduleInfo]:
    """When each source that Prefect knows runs next. Raises PrefectUnavailableError."""
    return await prefect_schedules.scheduled(settings, names())


async def _deployment(client: PrefectClient, source: str) -> DeploymentResponse:
    """The source's main deployment, which has its name."""
    name = f"{flow_name(source)}/{source}"
    try:
        return await client.read_deployment_by_name(name)
    except ObjectNotFound:
        message = f"Prefect does not know the deployment {name}: run `syncline up`, or `syncline deploy` for workers"
        raise ConfigurationError(message) from None


async def _parameters(client: PrefectClient, session: SyncSession) -> dict[str, Any]:
    """What the run of `session` was asked for, `force` included; of one that Prefect forgot, the mode is left."""
    if session.flow_run_id is not None:
        with contextlib.suppress(ObjectNotFound):
            return (await client.read_flow_run(UUID(flow_run_id_of(session.flow_run_id)))).parameters
    return find(session.source).parameters(session.mode)


async def _run(
    client: PrefectClient, deployment_id: UUID, parameters: dict[str, Any], *, trigger: Trigger, key: str | None
) -> UUID:
    flow_run = await client.create_flow_run_from_deployment(
        deployment_id, parameters=parameters, tags=[f"{TRIGGER_TAG}{trigger}"], idempotency_key=key
    )
    return flow_run.id


async def _bring_forward(client: PrefectClient, flow_run_id: UUID) -> None:
    """Start a run now that was scheduled for later."""
    flow_run = await client.read_flow_run(flow_run_id)
    if flow_run.state is not None and flow_run.state.is_scheduled():
        await client.set_flow_run_state(flow_run_id, Scheduled(), force=True)
