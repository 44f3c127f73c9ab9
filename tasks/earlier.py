"""Earlier ticks of a source that Prefect knows of, and whose runs have not asked for admission yet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

from prefect import get_client
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

from syncline.admission.due_run import DueRun
from syncline.model.policies import CatchUp
from syncline.model.source import Source
from syncline.store import sessions
from syncline.store.engine import Store
from tasks.due import current_flow_run, plain, session_key
from tasks.run import current_run

__all__ = ["earlier_ticks", "on_their_way"]

_ASK_EVERY_SECONDS = 2.0
_ASK_WITHIN_SECONDS = 5
_STARTS_WITHIN = timedelta(minutes=2)
"""A run that has begun asks for admission within this time; else its process was killed."""
_LIMIT = 50
_COMING = FlowRunFilterState(
    type=FlowRunFilterStateType(any_=[StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING])
)


def earlier_ticks(source: Source, due: DueRun) -> Callable[[], Awaitable[bool]] | None:
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
