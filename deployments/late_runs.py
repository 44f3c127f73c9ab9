"""Late runs: those that their source would leave out are resolved before a process is spent on them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterExpectedStartTime
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.logging import get_logger
from prefect.states import Completed

from deployments.client import open_client
from deployments.flow_runs import in_states, read_all, set_states
from deployments.known import known_flows
from flows.registry import find
from syncline.admission.admit import turn_away
from syncline.admission.due_run import Admission
from syncline.admission.skip_reasons import left_out
from syncline.errors import PrefectUnavailableError
from syncline.model.session import Status
from syncline.model.target import Target
from syncline.settings import Settings
from syncline.store import sessions
from syncline.store.engine import Store
from tasks.due import due_of, mode_of

__all__ = ["resolve_late", "resolve_late_with"]

_LATE = " s late; "
"""Behind it a session's reason says why its run was left out; many runs of one deployment have that in common."""


async def resolve_late(settings: Settings, store: Store) -> int:
    """Turn away the late runs that admission would turn away, each with its session; called before a runner begins.

    Returns:
        How many were resolved; none where Prefect's server does not answer, which keeps no runner from beginning.
    """
    try:
        async with open_client(settings) as client:
            return await resolve_late_with(client, store)
    except PrefectUnavailableError as error:
        get_logger("syncline").warning("late runs were not resolved: %s", error)
        return 0


async def resolve_late_with(client: PrefectClient, store: Store) -> int:
    """As `resolve_late` does, over an open client. The failure of one deployment is logged, and keeps out no other."""
    due_by_now = FlowRunFilterExpectedStartTime.model_validate({"before_": store.clock.now()})
    planned = FlowRunFilter(state=in_states(StateType.SCHEDULED), expected_start_time=due_by_now)
    waiting = [run for run in await read_all(client, planned) if run.auto_scheduled and not run.run_count]
    sources = await known_flows(client) if waiting else {}
    by_deployment: dict[tuple[str, UUID | None], list[FlowRun]] = defaultdict(list)
    for run in waiting:
        by_deployment[sources[run.flow_id], run.deployment_id].append(run)
    resolved = 0
    for (source, _), runs in by_deployment.items():
        try:
            resolved += await _resolve(client, store, source, runs)
        except httpx.TransportError:
            raise
        except Exception:  # noqa: BLE001 - its runs are turned away one by one then, each by a process of its own
            get_logger("syncline").warning("late runs of %s were not resolved", source, exc_info=True)
    return resolved


async def _resolve(client: PrefectClient, store: Store, source: str, runs: Sequence[FlowRun]) -> int:
    """Turn away those of a deployment's runs that wait in vain: our record first, then Prefect's."""
    ids: dict[tuple[Status, str], list[UUID]] = defaultdict(list)
    for run, admission in await asyncio.to_thread(_turned_away, store, source, runs):
        why = (admission.reason or "").partition(_LATE)[2] or admission.reason or ""
        ids[admission.status, why].append(run)
    for (status, why), those in ids.items():
        state = Completed(name=status.capitalize(), message=why)
        await set_states(client, those, state, only_in=StateType.SCHEDULED)
    return sum(len(those) for those in ids.values())


def _turned_away(store: Store, source: str, runs: Sequence[FlowRun]) -> list[tuple[UUID, Admission]]:
    declared = find(source)
    by_run = {run.id: due_of(run, mode_of(run)) for run in runs}
    ids = {due.flow_run_id: run_id for run_id, due in by_run.items()}
    with store.read() as connection:
        newest = sessions.latest_started(connection, Target(source))
        now = store.now(connection)
    found: list[tuple[UUID, Admission]] = []
    for due in left_out(declared, newest, by_run.values(), now):
        admission = turn_away(store, declared, due)
        if admission is not None and not admission.granted:
            found.append((ids[due.flow_run_id], admission))
    return found
