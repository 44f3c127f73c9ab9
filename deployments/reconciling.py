"""Reconciling: what no hook could see gets its outcome a few seconds later, here and in Prefect alike.

Sessions whose process died are closed, runs that ended or hang without a session are put on record, late runs that
would be turned away are, and each tick of a schedule that nothing answered is recorded as missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.logging import get_logger

from deployments.accounting import account_for_ticks
from deployments.client import open_client
from deployments.flow_runs import read_by_id
from deployments.late_runs import resolve_late_with
from deployments.run_processes import RunProcesses
from deployments.stale_runs import end_stale_runs
from deployments.unseen import OUTCOMES, align
from syncline.errors import PrefectUnavailableError
from syncline.model.session import Status
from syncline.passes.reconcile import reconcile
from syncline.settings import Settings
from syncline.store import sessions, timetables
from syncline.store.engine import Store
from tasks.due import flow_run_id_of, plain

__all__ = ["RECONCILE_EVERY_SECONDS", "is_ending", "reconcile_once", "run_forever"]

RECONCILE_EVERY_SECONDS = 15
_LOOK_BACK = timedelta(days=1)
"""At the first look ever, so far back runs are read that ended badly; later ones begin a little before the last."""
_OVERLAP = timedelta(minutes=10)
_LONGEST = timedelta(days=7)
_SETTLING = timedelta(seconds=15)
"""A run that ended just now may still be written about by its own hooks."""


async def run_forever(settings: Settings, store: Store) -> None:
    """Reconcile every `RECONCILE_EVERY_SECONDS` until cancelled; a failure is logged, and tried again then."""
    while True:
        try:
            await reconcile_once(settings, store)
        except Exception:  # noqa: BLE001 - whatever it is, the next round may do better
            get_logger("syncline").warning("reconciling failed", exc_info=True)
        await asyncio.sleep(RECONCILE_EVERY_SECONDS)


async def reconcile_once(settings: Settings, store: Store) -> list[str]:
    """Bring sessions, Prefect's runs and the schedules together, once.

    What one step cannot do keeps out no other. Without Prefect's server the leases alone decide.

    Returns:
        The ids of the sessions that were closed or recorded.
    """
    runs: dict[str, FlowRun] = {}
    recorded: list[str] = []
    try:
        async with open_client(settings) as client:
            ids = [UUID(flow_run_id) for flow_run_id in await asyncio.to_thread(_open_runs, store)]
            runs = await read_by_id(client, ids)
            recorded = await _with_prefect(client, settings, store)
    except PrefectUnavailableError as error:
        get_logger("syncline").debug("reconciling by leases alone: %s", error)
        await asyncio.to_thread(_note_away, store)
    return await asyncio.to_thread(_close_sessions, store, runs) + recorded


async def _with_prefect(client: PrefectClient, settings: Settings, store: Store) -> list[str]:
    """What takes Prefect's server; each step on its own."""
    ahead = await _ahead(client, store)
    since, now = await asyncio.to_thread(_seen_since, store)
    made: list[str] = []

    async def late() -> None:
        await resolve_late_with(client, store)

    async def unseen() -> None:
        made.extend(await align(client, store, since=since + ahead, until=now + ahead - _SETTLING))

    async def stale() -> None:
        await end_stale_runs(client, store, processes=RunProcesses.of(settings), ahead=ahead)

    async def ticks() -> None:
        made.extend(await account_for_ticks(client, settings, store, ahead=ahead))

    done = [await _guarded(step) for step in (late, unseen, stale, ticks)]
    if not done[-1]:
        await asyncio.to_thread(_note_away, store)
    return made


async def _guarded(step: Callable[[], Awaitable[None]]) -> bool:
    """Do the step; where it fails it is logged, but for a server that is away: then the others need not try."""
    try:
        await step()
    except httpx.TransportError:
        raise
    except Exception:  # noqa: BLE001 - the next round may do better
        get_logger("syncline").warning("reconciling: a step failed", exc_info=True)
        return False
    return True


async def _ahead(client: PrefectClient, store: Store) -> timedelta:
    """How much Prefect's clock is ahead of the store's, to the second; nothing where it does not tell its time."""
    answer = await client.request("GET", "/health")
    try:
        told = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, ValueError):
        return timedelta()
    off = told - await asyncio.to_thread(store.clock.now)
    return off if abs(off) > timedelta(seconds=2) else timedelta()


def _seen_since(store: Store) -> tuple[datetime, datetime]:
    """From when on ended runs are looked at, and the store's time."""
    with store.read() as connection:
        now, looks = store.now(connection), [row.seen_at for row in timetables.every(connection)]
    return max(min(looks, default=now - _LOOK_BACK) - _OVERLAP, now - _LONGEST), now


def _note_away(store: Store) -> None:
    with store.write() as connection:
        timetables.note_away(connection, now=store.now(connection))


def _close_sessions(store: Store, runs: dict[str, FlowRun]) -> list[str]:
    """Close the open sessions that nothing works on, by what Prefect says of their `runs`."""
    settled = store.clock.now() - _SETTLING

    def outcome_of(key: str) -> Status | None:
        run = runs.get(flow_run_id_of(key))
        return None if run is None or run.state_type is None else OUTCOMES.get(run.state_type)

    def ending(key: str) -> bool:
        run = runs.get(flow_run_id_of(key))
        return run is not None and is_ending(run, settled)

    return reconcile(store, outcome_of, is_ending=ending)


def _open_runs(store: Store) -> list[str]:
    with store.read() as connection:
        return [flow_run_id_of(session.flow_run_id) for session in sessions.running(connection) if session.flow_run_id]


def is_ending(run: FlowRun, settled: datetime) -> bool:
    """Whether the hooks of `run` may be at work: it is being cancelled, or it ended after `settled`."""
    ended_at = plain(run.end_time)
    return run.state_type is StateType.CANCELLING or (ended_at is not None and ended_at > settled)
