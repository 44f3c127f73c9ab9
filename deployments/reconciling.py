"""Reconciling: sessions and flow runs that no hook could bring together are, a few seconds later."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.logging import get_logger

from deployments.client import open_client
from deployments.orphans import end_orphans
from flows.registry import names
from syncline.errors import PrefectUnavailableError
from syncline.model.session import Status
from syncline.passes.reconcile import reconcile
from syncline.store import sessions
from tasks.due import flow_name, flow_run_id_of, plain, session_key
from tasks.fates import put_on_record

if TYPE_CHECKING:
    from datetime import datetime

    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun

    from syncline.settings import Settings
    from syncline.store.engine import Store

__all__ = ["RECONCILE_EVERY_SECONDS", "is_ending", "reconcile_once", "run_forever"]

RECONCILE_EVERY_SECONDS = 15
_LOOK_BACK = timedelta(days=1)
_SETTLING = timedelta(seconds=15)
"""A run that ended just now may still be written about by its own hooks."""
_LIMIT = 200

_FATES = {
    StateType.CANCELLED: Status.CANCELLED,
    StateType.CANCELLING: Status.CANCELLED,
    StateType.CRASHED: Status.CRASHED,
    StateType.FAILED: Status.FAILED,
    StateType.COMPLETED: Status.COMPLETED,
}
_UNSEEN = [StateType.CANCELLED, StateType.CRASHED, StateType.FAILED]


async def run_forever(settings: Settings, store: Store) -> None:
    """Reconcile every `RECONCILE_EVERY_SECONDS` until cancelled; a failure is logged, and tried again then."""
    while True:
        try:
            await reconcile_once(settings, store)
        except Exception:  # noqa: BLE001 - whatever it is, the next round may do better
            get_logger("syncline").warning("reconciling failed", exc_info=True)
        await asyncio.sleep(RECONCILE_EVERY_SECONDS)


async def reconcile_once(settings: Settings, store: Store) -> list[str]:
    """Close sessions whose run ended or whose process died, and record runs that ended before they had a session.

    Prefect is told of runs that ended unseen. Without its server the leases alone decide.

    Returns:
        The ids of the sessions that were closed or recorded.
    """
    runs: dict[str, FlowRun] = {}
    recorded: list[str] = []
    try:
        async with open_client(settings) as client:
            runs = await _known(client, await asyncio.to_thread(_open_runs, store))
            unseen = await _ended_runs(client, store)
            await end_orphans(client, store)
        recorded = await asyncio.to_thread(_record, store, unseen)
    except PrefectUnavailableError as error:
        get_logger("syncline").debug("reconciling by leases alone: %s", error)
    settled = store.clock.now() - _SETTLING

    def fate_of(key: str) -> Status | None:
        run = runs.get(flow_run_id_of(key))
        return None if run is None or run.state_type is None else _FATES.get(run.state_type)

    def ending(key: str) -> bool:
        run = runs.get(flow_run_id_of(key))
        return run is not None and is_ending(run, settled)

    return await asyncio.to_thread(reconcile, store, fate_of, is_ending=ending) + recorded


def _open_runs(store: Store) -> list[str]:
    with store.read() as connection:
        return [flow_run_id_of(session.flow_run_id) for session in sessions.running(connection) if session.flow_run_id]


async def _known(client: PrefectClient, flow_run_ids: list[str]) -> dict[str, FlowRun]:
    """These flow runs by id; those that the server does not know are left out."""
    if not flow_run_ids:
        return {}
    wanted = FlowRunFilter(id=FlowRunFilterId(any_=[UUID(flow_run_id) for flow_run_id in flow_run_ids]))
    return {str(run.id): run for run in await client.read_flow_runs(flow_run_filter=wanted, limit=_LIMIT)}


def is_ending(run: FlowRun, settled: datetime) -> bool:
    """Whether the hooks of `run` may be at work: it is being cancelled, or it ended after `settled`."""
    ended_at = plain(run.end_time)
    return run.state_type is StateType.CANCELLING or (ended_at is not None and ended_at > settled)


async def _ended_runs(client: PrefectClient, store: Store) -> list[tuple[str, FlowRun]]:
    """Runs of our flows that ended badly in the last day, with their sources; the newest first."""
    now = store.clock.now()
    ended = FlowRunFilterEndTime.model_validate({"after_": now - _LOOK_BACK, "before_": now - _SETTLING})
    state = FlowRunFilterState(type=FlowRunFilterStateType(any_=_UNSEEN))
    found: list[tuple[str, FlowRun]] = []
    for source in names():
        runs = await client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=[flow_name(source)])),
            flow_run_filter=FlowRunFilter(state=state, end_time=ended),
            sort=FlowRunSort.END_TIME_DESC,
            limit=_LIMIT,
        )
        found += [(source, run) for run in runs]
    return found


def _record(store: Store, runs: list[tuple[str, FlowRun]]) -> list[str]:
    """Put on record those that have no session."""
    with store.read() as connection:
        new = [(source, run) for source, run in runs if sessions.by_flow_run(connection, session_key(run)) is None]
    made: list[str] = []
    for source, run in new:
        status = _FATES[run.state_type] if run.state_type is not None else Status.CRASHED
        reason = (run.state.message if run.state is not None else None) or f"{status} before it began"
        session = put_on_record(store, source, run, status, reason=reason)
        made += [session.id] if session is not None else []
    return made
