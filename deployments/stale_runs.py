"""Stale runs: flow runs that Prefect believes to be under way although no process works on them any more.

After a power loss there is no runner that could tell it: they would stay Pending, Running or Cancelling for ever. So
would a run that was killed before it was admitted, or between the end of its session and its report to Prefect.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_logger
from prefect.states import Cancelled, Crashed

from deployments.flow_runs import in_states, read_all
from deployments.known import known_flows
from deployments.run_processes import RunProcesses
from deployments.unseen import state_of
from flows.registry import find
from syncline.admission.ticks import begins_at
from syncline.admission.wait import patience_seconds
from syncline.model.session import Status
from syncline.model.source import Source
from syncline.model.target import Target
from syncline.store import leases, queue, sessions
from syncline.store.engine import Store
from tasks.due import plain, session_key
from tasks.session_closing import DIED_UNBEGUN, put_on_record

__all__ = ["end_stale_runs", "is_stuck"]

_GRACE = timedelta(seconds=leases.TTL_SECONDS)
"""So long the run, or a runner that lives, has to tell of the end by itself."""
_STARTS_SECONDS = 90
"""So long a process may take from the runner's or worker's decision to the first line of its flow."""
_ADMITS_SECONDS = 60
"""So long a flow may take to its admission from when it may begin, beside the wait for its turn."""
_ALIVE_SECONDS = 300
"""So long either may take where the process is seen to live: the machine is busy, or it hangs."""
_DEAD_SECONDS = 15
"""So long the runner has to tell of a process that it saw end."""
_UNBEGUN = "Its process ended before it was admitted."
_UNDER_WAY = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)


async def end_stale_runs(
    client: PrefectClient, store: Store, *, processes: RunProcesses, ahead: timedelta = timedelta()
) -> list[str]:
    """Tell Prefect of the runs that ended unseen, as their sessions say; those without one are put on record first.

    The failure of one is logged, and keeps out no other. `processes` says which runs are seen to live or to be dead;
    `ahead` is how much Prefect's clock is ahead of the store's.

    Returns:
        The ids of the flow runs of which it was told.
    """
    runs = await read_all(client, FlowRunFilter(state=in_states(*_UNDER_WAY)))
    sources = await known_flows(client) if runs else {}
    told: list[str] = []
    for run in runs:
        try:
            look = _Look(store=store, source=sources[run.flow_id], run=run, lives=processes.lives(run.id), ahead=ahead)
            state = await asyncio.to_thread(_state, look)
            if state is not None:
                with contextlib.suppress(ObjectNotFound):
                    await client.set_flow_run_state(run.id, state)
                    told.append(str(run.id))
                processes.end(run.id)
        except httpx.TransportError:
            raise
        except Exception:  # noqa: BLE001 - the others are looked at, and this one again in the next round
            get_logger("syncline").warning("flow run %s was not ended", run.id, exc_info=True)
    return told


def is_stuck(
    source: Source,
    run: FlowRun,
    now: datetime,
    *,
    lives: bool | None = None,
    waits: bool = False,
    ahead: timedelta = timedelta(),
) -> bool:
    """Whether a run without a session can no longer come to its admission.

    Args:
        source: the source that it brings up to date.
        run: the flow run, Pending, Running or Cancelling.
        now: the store's time.
        lives: whether its process is seen to live; None where that cannot be told.
        waits: whether a run of the source waits for its turn.
        ahead: how much Prefect's clock, which dates the run's state, is ahead of the store's.
    """
    entered = None if run.state is None else plain(run.state.timestamp)
    if entered is None:
        return False
    since = entered - ahead
    if lives is False:
        return now - since > timedelta(seconds=_DEAD_SECONDS)
    seconds: float = _STARTS_SECONDS
    if run.state_type is StateType.RUNNING:
        tick = plain(run.expected_start_time) if run.auto_scheduled else None
        since = since if tick is None else max(since, begins_at(source, tick))
        seconds = _ADMITS_SECONDS + (patience_seconds(source) if waits else 0)
    return now - since > timedelta(seconds=max(seconds, _ALIVE_SECONDS) if lives else seconds)


@dataclass(frozen=True, kw_only=True)
class _Look:
    """A look at one run that Prefect believes to be under way, with what `is_stuck` is asked."""

    store: Store
    source: str
    run: FlowRun
    lives: bool | None
    ahead: timedelta


def _state(look: _Look) -> State[None] | None:
    """What Prefect is to be told of the run; None where it may go on."""
    store, source, run = look.store, look.source, look.run
    with store.read() as connection:
        session, now = sessions.by_flow_run(connection, session_key(run)), store.now(connection)
        target = Target(source) if session is None else session.target
        lease = leases.holder(connection, target)
        waits = any(queue.is_here(row) for row in queue.waiting(connection, target, now=now))
    if session is None:
        stuck = is_stuck(find(source), run, now, lives=look.lives, waits=waits, ahead=look.ahead)
        return _unbegun(store, source, run) if stuck else None
    given_up = session.completed_at is not None and session.completed_at <= now - _GRACE
    return state_of(session) if given_up and not leases.lives_on(lease, session.id) else None


def _unbegun(store: Store, source: str, run: FlowRun) -> State[None] | None:
    """Put a run on record that died before it had a session; None where it got one meanwhile."""
    cancelled = run.state_type is StateType.CANCELLING
    status, reason = (Status.CANCELLED, "cancelled before it began") if cancelled else (Status.CRASHED, None)
    if reason is None and not run.auto_scheduled:
        reason = DIED_UNBEGUN
    if put_on_record(store, source, run, status, reason=reason) is None and _has_session(store, run):
        return None
    return Cancelled(message="Cancelled before it began.") if cancelled else Crashed(message=_UNBEGUN)


def _has_session(store: Store, run: FlowRun) -> bool:
    with store.read() as connection:
        return sessions.by_flow_run(connection, session_key(run)) is not None
