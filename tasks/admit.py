"""Admission: whether a due run may begin; opens its session and takes its lease and limit."""

from __future__ import annotations

import asyncio

from prefect import get_client, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import FlowRun
from prefect.logging import get_logger

from syncline.admission import refused, wait
from syncline.admission.due_run import Admission, DueRun
from syncline.model.policies import Mode, Overlap
from syncline.model.session import Status
from syncline.model.source import Source
from syncline.passes.lease_keeper import LeaseKeeper
from syncline.store import leases, schema
from tasks.breaker import pass_breaker
from tasks.context import settings
from tasks.deferral import schedule_retry
from tasks.due import current_due, current_flow_run
from tasks.earlier import earlier_ticks
from tasks.early_end import EarlyEnd, EndRun
from tasks.limit import hold_limit
from tasks.retrying import attempt, is_worth_another_try
from tasks.run import Run, current_run
from tasks.stopping import overdue, taken_over

__all__ = ["admit", "admit_task", "rename"]

_LOOK_EVERY_SECONDS = 1.0
"""How often a run hears whether another one is to take its place."""
_RENAME_SECONDS = 3


async def admit(source: Source, mode: Mode = Mode.INCREMENTAL) -> None:
    """Let the run of `source` begin, or end it here with its reason.

    What the run holds (lease, concurrency limit) is given back when the flow ends.
    """
    run = current_run()
    due = current_due(mode)
    granted = await attempt(admit_task, source.retry, source, due)
    if not granted.granted:
        stop = _refused(granted)
        if stop.status is Status.DEFERRED:
            await schedule_retry(run.store, source.name, granted.session_id, stop)
        raise EndRun(stop)
    run.session_id, run.mode = granted.session_id, granted.mode
    await asyncio.to_thread(_require_fit, run)
    if run.end is not None:
        run.end.set_deadline(source.timeout_seconds, overdue(source))
    run.stack.enter_context(_keeper(run, due))
    flow_run = current_flow_run()
    if granted.mode is not mode and flow_run is not None:
        await rename(flow_run, f"{source.name}-{granted.mode}")
    pass_breaker(run)
    await hold_limit(run)


def _require_fit(run: Run) -> None:
    """The database has the tables of this code, which may be newer than the processes that started the run.

    Raises:
        SchemaBehindError, NewerDatabaseError: it has not; says what to do.
    """
    schema.require_current(run.store)
    schema.require_columns(run.store, [run.source.required_dataset.table] if run.source.dataset is not None else [])


@task(name="admit", cache_policy=NO_CACHE, persist_result=False, retry_condition_fn=is_worth_another_try)
async def admit_task(source: Source, due: DueRun) -> Admission:
    """Decide, and put the decision on record; a run that may wait for its turn does so here."""
    store = current_run().store
    refused.release_changed(store, source, settings, account_id=due.account_id)
    return await wait.admit_in_turn(store, source, due, is_earlier_pending=earlier_ticks(source, due))


def _keeper(run: Run, due: DueRun) -> LeaseKeeper:
    """What keeps the source's lease, and hears whether another run is to take the place of this one."""
    end, store, source = run.end, run.store, run.source
    if end is None:
        return LeaseKeeper(store, source.target(due.account_id), run.session_id)
    every = _LOOK_EVERY_SECONDS if source.overlap is Overlap.CANCEL_RUNNING else leases.RENEW_EVERY_SECONDS
    return LeaseKeeper(
        store,
        source.target(due.account_id),
        run.session_id,
        on_asked=lambda by: end.request_stop(taken_over(by)),
        look_every_seconds=every,
    )


def _refused(granted: Admission) -> EarlyEnd:
    """Why the run may not begin."""
    reason = granted.reason or ""
    return EarlyEnd(status=granted.status, reason=reason, retry_at=granted.retry_at, held=granted.held)


async def rename(flow_run: FlowRun, name: str) -> None:
    """Let the flow run's name say the mode that was chosen in place of the one asked for."""
    try:
        async with asyncio.timeout(_RENAME_SECONDS), get_client() as client:
            await client.update_flow_run(flow_run.id, name=name)
    except Exception:  # noqa: BLE001 - a name that stays as it was must not end the work
        get_logger("syncline").debug("flow run %s was not renamed", flow_run.id, exc_info=True)
