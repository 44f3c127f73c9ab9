"""Admission: whether a due run may begin; opens its session and takes its lease and limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

from prefect import get_client, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.logging import get_logger

from syncline.admission import refused, wait
from syncline.admission.due_run import Admission, DueRun
from syncline.model.policies import CatchUp, Mode, Overlap
from syncline.model.session import Status
from syncline.model.source import Source
from syncline.passes.lease_keeper import LeaseKeeper
from syncline.store import leases, schema, sessions
from syncline.store.engine import Store
from tasks.breaker import pass_breaker
from tasks.context import settings
from tasks.deferral import schedule_retry
from tasks.due import current_due, current_flow_run, plain, session_key
from tasks.early_end import EarlyEnd, EndRun
from tasks.limit import hold_limit
from tasks.retrying import attempt, is_worth_another_try
from tasks.run import Run, current_run
from tasks.stopping import overdue, taken_over

__all__ = ["admit", "admit_task", "on_their_way", "rename"]

_LOOK_EVERY_SECONDS = 1.0
"""How often a run hears whether another one is to take its place."""
_RENAME_SECONDS = 3
_ASK_EVERY_SECONDS = 2.0
_ASK_WITHIN_SECONDS = 5
_STARTS_WITHIN = timedelta(minutes=2)
"""A run that has begun asks for admission within this time; else its process was killed."""
_LIMIT = 50
_COMING = FlowRunFilterState(
    type=FlowRunFilterStateType(any_=[StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING])
)


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
    return await wait.admit_in_turn(store, source, due, is_earlier_pending=_earlier_ticks(source, due))


def _earlier_ticks(source: Source, due: DueRun) -> Callable[[], Awaitable[bool]] | None:
    """What tells whether an earlier tick is on its way; None where that does not matter to the run."""
    flow_run = current_flow_run()
    if source.catch_up is not CatchUp.ALL or due.scheduled_for is None or flow_run is None:
        return None
    if flow_run.deployment_id is None:
        return None
    store, tick, deployment_id = current_run().store, due.scheduled_for, flow_run.deployment_id
    asked_at, answer = float("-inf"), False

    async def is_earlier_pending() -> bool:
        nonlocal asked_at, answer
        if time.monotonic() - asked_at >= _ASK_EVERY_SECONDS:
            runs = await _before(deployment_id, tick)
            answer = bool(await asyncio.to_thread(on_their_way, store, runs, tick))
            asked_at = time.monotonic()
        return answer

    return is_earlier_pending


def on_their_way(store: Store, runs: list[FlowRun], tick: datetime) -> list[FlowRun]:
    """Those of the `runs` that answer a tick before `tick`, and have no session on record yet."""
    coming = [run for run in runs if _is_coming(run, store.clock.now()) and _tick(run) < tick]
    with store.read() as connection:
        return [run for run in coming if sessions.by_flow_run(connection, session_key(run)) is None]


async def _before(deployment_id: UUID, tick: datetime) -> list[FlowRun]:
    """The deployment's runs that were due before `tick` and have not ended; none where Prefect does not answer."""
    before = FlowRunFilterExpectedStartTime.model_validate({"before_": tick})
    try:
        async with asyncio.timeout(_ASK_WITHIN_SECONDS), get_client() as client:
            return await client.read_flow_runs(
                deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id])),
                flow_run_filter=FlowRunFilter(state=_COMING, expected_start_time=before),
                sort=FlowRunSort.EXPECTED_START_TIME_ASC,
                limit=_LIMIT,
            )
    except Exception:  # noqa: BLE001 - late runs still take their turns in the order in which they come
        get_logger("syncline").debug("Prefect was not asked for earlier ticks", exc_info=True)
        return []


def _is_coming(run: FlowRun, now: datetime) -> bool:
    """Whether the scheduler made the run, and it is not one that died on its way."""
    since = plain(run.state.timestamp) if run.state is not None else None
    starts = run.state_type is StateType.SCHEDULED or since is None or now - since < _STARTS_WITHIN
    return run.auto_scheduled and starts


def _tick(run: FlowRun) -> datetime:
    tick = plain(run.expected_start_time)
    assert tick is not None  # Prefect was asked for those that have one
    return tick


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
