"""One more run for a deferred one, at the time when it may go on."""

from __future__ import annotations

from datetime import datetime

from prefect import get_client
from prefect.logging import get_logger
from prefect.states import Scheduled

from syncline.model.session import Trigger
from syncline.model.target import Target
from syncline.store import holds
from syncline.store.engine import Store
from tasks.due import RETRY_KEY, TRIGGER_TAG, current_flow_run
from tasks.early_end import EarlyEnd

__all__ = ["goes_on_at", "retry_key", "schedule_retry"]


def retry_key(session_id: str) -> str:
    """The idempotency key of the run that goes on where the session `session_id` was deferred."""
    return f"{RETRY_KEY}{session_id}"


async def schedule_retry(store: Store, source: str, session_id: str, stop: EarlyEnd) -> None:
    """See to it that the deferred session `session_id`, which is on record by now, goes on as soon as it may."""
    when = goes_on_at(store, source, stop)
    if when is not None:
        await _schedule(session_id, when)


def goes_on_at(store: Store, source: str, stop: EarlyEnd) -> datetime | None:
    """When a stopped run may go on; None where a hold without end stands in the way: releasing it starts the run.

    Holds are read once more: a release before the session was on record as deferred found nothing to start.
    """
    if not stop.held:
        return stop.retry_at
    now = store.clock.now()
    with store.read() as connection:
        hold = holds.active(connection, Target(source), now=now)
    return now if hold is None else hold.expires_at


async def _schedule(session_id: str, retry_at: datetime) -> None:
    """Schedule one run of this deployment at `retry_at`; a run without a deployment is not started again."""
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
