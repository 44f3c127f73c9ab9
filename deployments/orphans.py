"""Orphans: flow runs that Prefect believes to be running although nobody works on them any more.

After a power loss there is no runner that could tell it: they would stay Running for ever. So would a run that was
killed between the end of its session and its last word to Prefect.
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
from prefect.states import Cancelled, Completed, Crashed, Failed

from flows.registry import names
from syncline.model.session import Status
from syncline.passes.admission import lease_name
from syncline.store import leases, sessions
from tasks.due import flow_name, session_key

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun, State

    from syncline.model.session import SyncSession
    from syncline.store.engine import Store

__all__ = ["end_orphans", "state_of"]

_GRACE = timedelta(seconds=leases.TTL_SECONDS)
"""So long the run, or a runner that lives, has to tell of the end by itself."""
_LIMIT = 200
_MESSAGE = "Its process ended without a word; the next run goes on at its checkpoint."


async def end_orphans(client: PrefectClient, store: Store) -> list[str]:
    """Tell Prefect of the runs that ended unseen, as their sessions say; returns their ids."""
    running = await client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=[flow_name(source) for source in names()])),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING]))),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=_LIMIT,
    )
    told: list[str] = []
    for run, session in await asyncio.to_thread(_orphans, store, running):
        with contextlib.suppress(ObjectNotFound):
            await client.set_flow_run_state(run.id, state_of(session))
            told.append(str(run.id))
    return told


def state_of(session: SyncSession) -> State[None]:
    """What Prefect would show of the run, had it come to tell how its session ended."""
    match session.status:
        case Status.CRASHED:
            return Crashed(message=_MESSAGE)
        case Status.FAILED:
            said = f"{session.error_type}: {session.error_message}"
            return Failed(message=session.reason if session.error_type is None else said)
        case Status.CANCELLED:
            return Cancelled(message=session.reason)
        case status:
            return Completed(name=status.capitalize(), message=session.reason)


def _orphans(store: Store, running: list[FlowRun]) -> list[tuple[FlowRun, SyncSession]]:
    found = ((run, _given_up(store, run)) for run in running)
    return [(run, session) for run, session in found if session is not None]


def _given_up(store: Store, run: FlowRun) -> SyncSession | None:
    """The run's session, if it ended a while ago, with its lease, and its process does not live on."""
    with store.read() as connection:
        session = sessions.by_flow_run(connection, session_key(run))
        if session is None or session.completed_at is None:
            return None
        lease = leases.holder(connection, lease_name(session.source, session.account_id))
    given_up = session.completed_at <= store.clock.now() - _GRACE
    return session if given_up and not leases.lives_on(lease, session.id) else None
