"""The plan, applied to Prefect, which keeps schedules by slug until they are deleted, whatever a deployment says later.

Of a deployment whose upstream has no address Prefect schedules no run. What Prefect still knows of an earlier start is
paused as a whole, and marked with a tag, which goes when the deployment is served again. Its schedules stay as the
operator left them: one that was stopped is still stopped then. A deployment that the operator paused stays paused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentScheduleUpdate, DeploymentUpdate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from deployments.client import open_client
from deployments.preflight import is_set_up
from deployments.schedules.file import Deployment, read_deployments
from deployments.schedules.plan import is_overridable, planned, schedules_of
from flows.registry import find
from syncline.settings import Settings
from syncline.store import schedules
from syncline.store.engine import Store
from tasks.limit import make_limit

__all__ = [
    "UNCONFIGURED_TAG",
    "apply_intervals",
    "drop_replaced",
    "is_stopped",
    "kept_stopped",
    "pause_unconfigured",
    "resume_configured",
]

UNCONFIGURED_TAG = "not-set-up"
"""The tag of a deployment that was paused because its upstream has no address."""

_Schedule = DeploymentScheduleCreate | DeploymentScheduleUpdate


async def apply_intervals(
    settings: Settings, store: Store, deployments: Iterable[Deployment] | None = None
) -> dict[str, float]:
    """Give Prefect's deployments the intervals that the environment and operators set, as a start here does.

    `prefect deploy` knows prefect.yaml alone: it also plans runs of sources that are not set up, which are paused
    here, and makes no limits, which are made here. A stopped schedule stays stopped.

    Returns:
        The seconds between runs of each deployment that was given an interval, by its source.

    Raises:
        ConfigurationError: prefect.yaml cannot be used.
        PrefectUnavailableError: its server cannot be reached.
    """
    found = list(read_deployments() if deployments is None else deployments)
    with store.read() as connection:
        seconds: dict[str, float] = {**settings.intervals, **schedules.overrides(connection)}
    applied: dict[str, float] = {}
    async with open_client(settings) as client:
        for deployment, plan in zip(found, planned(settings, found), strict=True):
            if await _known(client, deployment.full_name) is None:
                continue
            if not is_set_up(settings, find(deployment.source)):
                await pause_unconfigured(client, deployment.full_name)
                continue
            await resume_configured(client, deployment.full_name)
            await make_limit(client, deployment.source)
            every = seconds.get(deployment.source)
            if every is None or not deployment.schedules or not is_overridable(deployment):
                continue
            if await _give(client, deployment, schedules_of(plan, every)):
                applied[deployment.source] = every
    return applied


async def kept_stopped(client: PrefectClient, full_name: str, made: Sequence[_Schedule]) -> list[_Schedule]:
    """The schedules `made` for a deployment; one that Prefect does not know begins switched off where all others are.

    Else a source that was stopped while the environment set its interval would run again by the schedules that this
    had taken the place of.
    """
    known = await _known(client, full_name)
    if known is None or not known.schedules or any(schedule.active for schedule in known.schedules):
        return list(made)
    slugs = {schedule.slug for schedule in known.schedules}
    return [one if one.slug in slugs else one.model_copy(update={"active": False}) for one in made]


async def drop_replaced(client: PrefectClient, deployment: Deployment, made: Sequence[_Schedule]) -> None:
    """Delete what Prefect keeps of the `deployment`'s schedules in prefect.yaml that are not among those `made`."""
    replaced = {schedule.slug for schedule in deployment.schedules} - {one.slug for one in made}
    known = await _known(client, deployment.full_name) if replaced else None
    for schedule in [] if known is None else known.schedules:
        if known is not None and schedule.slug in replaced:
            await client.delete_deployment_schedule(known.id, schedule.id)


async def pause_unconfigured(client: PrefectClient, full_name: str) -> bool:
    """Pause the deployment, if Prefect knows it and it is not paused; returns whether that was done."""
    deployment = await _known(client, full_name)
    if deployment is None or deployment.paused:
        return False
    tags = [*(tag for tag in deployment.tags if tag != UNCONFIGURED_TAG), UNCONFIGURED_TAG]
    await client.update_deployment(deployment.id, DeploymentUpdate(tags=tags))
    await client.pause_deployment(deployment.id)
    return True


async def resume_configured(client: PrefectClient, full_name: str) -> bool:
    """Resume a deployment that `pause_unconfigured` paused; returns whether it had. An operator's pause stays."""
    deployment = await _known(client, full_name)
    if deployment is None or not deployment.paused or UNCONFIGURED_TAG not in deployment.tags:
        return False
    tags = [tag for tag in deployment.tags if tag != UNCONFIGURED_TAG]
    await client.update_deployment(deployment.id, DeploymentUpdate(tags=tags))
    await client.resume_deployment(deployment.id)
    return True


async def is_stopped(client: PrefectClient, full_name: str) -> bool:
    """Whether an operator paused the deployment, so that it is to stay so when it is served."""
    deployment = await _known(client, full_name)
    return deployment is not None and deployment.paused and UNCONFIGURED_TAG not in deployment.tags


async def _give(client: PrefectClient, deployment: Deployment, made: Sequence[_Schedule]) -> bool:
    """Set the schedules of the deployment; False where Prefect does not know it."""
    known = await _known(client, deployment.full_name)
    if known is None:
        return False
    kept = await kept_stopped(client, deployment.full_name, made)
    updates = [DeploymentScheduleUpdate.model_validate(one.model_dump(exclude_unset=True)) for one in kept]
    await client.update_deployment(known.id, DeploymentUpdate(schedules=updates))
    await drop_replaced(client, deployment, made)
    return True


async def _known(client: PrefectClient, full_name: str) -> DeploymentResponse | None:
    try:
        return await client.read_deployment_by_name(full_name)
    except ObjectNotFound:
        return None
