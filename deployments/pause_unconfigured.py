"""Deployments whose upstream has no address: Prefect schedules none of their runs until it has one.

What Prefect still knows of an earlier start is paused as a whole, and marked with a tag, which goes when the deployment
is served again. Its schedules stay as the operator left them: one that was stopped is still stopped then. A deployment
that the operator paused stays paused.
"""

from __future__ import annotations

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

__all__ = ["RESTING_TAG", "is_stopped", "rest", "wake"]

RESTING_TAG = "not-set-up"
"""The tag of a deployment that we paused."""


async def rest(client: PrefectClient, full_name: str) -> bool:
    """Pause the deployment, where Prefect knows it and nobody has paused it; returns whether that was done."""
    deployment = await _known(client, full_name)
    if deployment is None or deployment.paused:
        return False
    tags = [*(tag for tag in deployment.tags if tag != RESTING_TAG), RESTING_TAG]
    await client.update_deployment(deployment.id, DeploymentUpdate(tags=tags))
    await client.pause_deployment(deployment.id)
    return True


async def wake(client: PrefectClient, full_name: str) -> bool:
    """End the rest of a deployment that is set up now; returns whether it rested. An operator's pause stays."""
    deployment = await _known(client, full_name)
    if deployment is None or not deployment.paused or RESTING_TAG not in deployment.tags:
        return False
    tags = [tag for tag in deployment.tags if tag != RESTING_TAG]
    await client.update_deployment(deployment.id, DeploymentUpdate(tags=tags))
    await client.resume_deployment(deployment.id)
    return True


async def is_stopped(client: PrefectClient, full_name: str) -> bool:
    """Whether an operator paused the deployment, so that it is to stay so when it is served."""
    deployment = await _known(client, full_name)
    return deployment is not None and deployment.paused and RESTING_TAG not in deployment.tags


async def _known(client: PrefectClient, full_name: str) -> DeploymentResponse | None:
    try:
        return await client.read_deployment_by_name(full_name)
    except ObjectNotFound:
        return None
