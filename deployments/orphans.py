"""Orphans: flow runs that Prefect believes to be running although nobody works on them any more.

After a power loss there is no runner that could tell it: they would stay Running for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING

from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed

from flows.registry import names
from syncline.model.session import Status
from syncline.passes.admission import lease_name
from syncline.store import leases, sessions
from tasks.due import flow_name, session_key

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun

    from syncline.store.engine import Store

__all__ = ["crash_orphans"]

_GRACE = timedelta(seconds=leases.TTL_SECONDS)
"""So long a runner that lives has to tell of the crash by itself, with the exit code."""
_LIMIT = 200
_MESSAGE = "Its process ended without a word; the next run goes on at its checkpoint."


async def crash_orphans(client: PrefectClient, store: Store) -> list[str]:
    """Tell Prefect of the runs that crashed unseen; returns their ids."""
    running = await client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=[flow_name(source) for source in names()])),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING]))),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=_LIMIT,
    )
    told: list[str] = []
    for run in await asyncio.to_thread(_orphans, store, running):
        with contextlib.suppress(ObjectNotFound):
            await client.set_flow_run_state(run.id, Crashed(message=_MESSAGE))
            told.append(str(run.id))
    return told


def _orphans(store: Store, running: list[FlowRun]) -> list[FlowRun]:
    return [run for run in running if _is_orphan(store, run)]


def _is_orphan(store: Store, run: FlowRun) -> bool:
    """Whether the run's session was given up a while ago, with its lease, and its process does not live on."""
    with store.read() as connection:
        session = sessions.by_flow_run(connection, session_key(run))
        if session is None or session.status is not Status.CRASHED or session.completed_at is None:
            return False
        lease = leases.holder(connection, lease_name(session.source, session.account_id))
    given_up = session.completed_at <= store.clock.now() - _GRACE
    return given_up and not leases.lives_on(lease, session.id)
