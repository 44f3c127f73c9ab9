"""One more run for a deferred one, at the time when it may go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect import get_client
from prefect.logging import get_logger
from prefect.states import Scheduled

from syncline.model.session import Trigger
from tasks.due import TRIGGER_TAG, current_flow_run

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["retry_key", "schedule_retry"]


def retry_key(session_id: str) -> str:
    """The idempotency key of the run that goes on where the session `session_id` was deferred."""
    return f"retry-{session_id}"


async def schedule_retry(session_id: str, retry_at: datetime) -> None:
    """Schedule one run of this deployment at `retry_at`; a run without a deployment has nobody to start it."""
    flow_run = current_flow_run()
    if flow_run is None or flow_run.deployment_id is None:
        return
    try:
        async with get_client() as client:
            await client.create_flow_run_from_deployment(
                flow_run.deployment_id,
                parameters=flow_run.parameters,
                state=Scheduled(scheduled_time=retry_at),
                tags=[f"{TRIGGER_TAG}{Trigger.RETRY}"],
                idempotency_key=retry_key(session_id),
            )
    except Exception:  # noqa: BLE001 - the session is on record; the next scheduled run goes on as well
        get_logger("syncline").warning("no run was scheduled for %s", retry_at, exc_info=True)
