"""Pushing: snapshots are sent to whoever wants to know."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from syncline.contests.pushing import push_due
from syncline.model.service import Service
from syncline.upstreams.webhooks import endpoint_of
from tasks.context import settings
from tasks.retrying import attempt, is_worth_another_try
from tasks.run import current_run
from tasks.task_hooks import note_attempt, note_failure

__all__ = ["push_snapshots", "push_task"]


async def push_snapshots(service: Service) -> int:
    """Send the snapshots whose time has come; returns how many were accepted. Without an address nothing is sent."""
    return await attempt(push_task, service.retry)


@task(
    name="push",
    cache_policy=NO_CACHE,
    persist_result=False,
    retry_condition_fn=is_worth_another_try,
    on_running=[note_attempt],
    on_failure=[note_failure],
)
async def push_task() -> int:
    """Each of them once; one that is not accepted is sent again by a later run."""
    run, endpoint = current_run(), endpoint_of(settings())
    return 0 if endpoint is None else await push_due(run.store, endpoint, run.session_id)
