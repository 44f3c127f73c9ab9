"""Flow runs that ended without a session: they are put on record, and Prefect and the sessions tell the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterEndTime
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.logging import get_logger
from prefect.states import Cancelled, Completed, Crashed, Failed

from deployments.flow_runs import in_states, read_all
from deployments.known import known_flows
from syncline.model.session import Status, SyncSession
from syncline.store import sessions
from syncline.store.engine import Store
from tasks.due import session_key
from tasks.session_closing import put_on_record

__all__ = ["OUTCOMES", "align", "is_over", "record_unseen", "state_of"]

OUTCOMES = {
    StateType.CANCELLED: Status.CANCELLED,
    StateType.CANCELLING: Status.CANCELLED,
    StateType.CRASHED: Status.CRASHED,
    StateType.FAILED: Status.FAILED,
    StateType.COMPLETED: Status.COMPLETED,
}
"""What a flow run's state means for its session; in all others it may go on."""
_BAD = (StateType.CANCELLED, StateType.CRASHED, StateType.FAILED)
_TELLS_AS = {
    Status.MISSED: {StateType.COMPLETED, StateType.CRASHED},
    Status.CANCELLED: {StateType.CANCELLED, StateType.COMPLETED},
}
"""States beside the usual one that say the same: a missed tick's run was left out, or died before it was admitted."""
_CRASHED = "Its process ended without a word; the next run goes on at its checkpoint."


def is_over(run: FlowRun) -> bool:
    """Whether the run has come to its end in Prefect."""
    return run.state_type in OUTCOMES and run.state_type is not StateType.CANCELLING


async def align(client: PrefectClient, store: Store, *, since: datetime, until: datetime) -> list[str]:
    """Bring runs that ended badly from `since` to `until`, by Prefect's clock, and the sessions together.

    A run without a session is put on record. Where there is one, it is the record: a run that came to its end while
    Prefect's server was away is told to have done so.

    Returns:
        The ids of the sessions that were made.
    """
    ended = FlowRunFilterEndTime.model_validate({"after_": since, "before_": until})
    runs = await read_all(client, FlowRunFilter(state=in_states(*_BAD), end_time=ended))
    sources = await known_flows(client) if runs else {}
    made: list[str] = []
    for run in runs:
        try:
            session = await asyncio.to_thread(_session, store, run)
            if session is None:
                made += await asyncio.to_thread(record_unseen, store, sources[run.flow_id], [run])
            elif _differs(run, session):
                await client.set_flow_run_state(run.id, state_of(session), force=True)
        except httpx.TransportError:
            raise
        except Exception:  # noqa: BLE001 - the others are looked at, and this one again in the next round
            get_logger("syncline").warning("flow run %s was not reconciled", run.id, exc_info=True)
    return made


def record_unseen(store: Store, source: str, runs: Iterable[FlowRun]) -> list[str]:
    """Put the ended runs on record that have no session; returns the ids of the sessions made."""
    made: list[str] = []
    for run in runs:
        status = OUTCOMES[run.state_type] if run.state_type is not None else Status.CRASHED
        said = run.state.message if run.state is not None else None
        session = put_on_record(store, source, run, status, reason=said or f"{status} before it began")
        made += [] if session is None else [session.id]
    return made


def _session(store: Store, run: FlowRun) -> SyncSession | None:
    with store.read() as connection:
        return sessions.by_flow_run(connection, session_key(run))


def _differs(run: FlowRun, session: SyncSession) -> bool:
    """Whether Prefect tells something else of a run whose session is closed."""
    usual = {state_of(session).type}
    return session.completed_at is not None and run.state_type not in usual | _TELLS_AS.get(session.status, set())


def state_of(session: SyncSession) -> State[None]:
    """The state that Prefect shows of a run whose session ended so."""
    match session.status:
        case Status.CRASHED:
            return Crashed(message=_CRASHED)
        case Status.FAILED:
            said = f"{session.error_type}: {session.error_message}"
            return Failed(message=session.reason if session.error_type is None else said)
        case Status.CANCELLED:
            return Cancelled(message=session.reason)
        case status:
            return Completed(name=status.capitalize(), message=session.reason)
