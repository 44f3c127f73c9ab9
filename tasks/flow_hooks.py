"""Flow hooks: whatever ends a flow run, its session gets its outcome, once.

Prefect calls them in the flow's process or, after a crash or a cancellation, in the runner's, by the keywords `flow`,
`flow_run` and `state`. They are plain functions that open what they need, for they travel to other processes.
"""

from __future__ import annotations

from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.logging import get_logger

from syncline.model.session import Status
from syncline.passes import closing
from syncline.store import sessions
from tasks.context import open_store
from tasks.due import session_key, source_of
from tasks.limit import release_limit
from tasks.progress import show_summary
from tasks.retrying import error_of
from tasks.session_closing import close, tell_failure
from tasks.stopping import TIMED_OUT

__all__ = ["close_cancelled", "close_completed", "close_crashed", "close_failed"]


async def close_completed(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """The flow ended well; it closed its session itself, unless it was kept from it."""
    del flow, state
    store = open_store()
    with store.read() as connection:
        session = sessions.by_flow_run(connection, session_key(flow_run))
    if session is not None and session.status is Status.RUNNING:
        closing.complete(store, session.id)


async def close_failed(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """The flow failed or took too long: the session fails with the error, and Prefect's automations hear of it."""
    store = open_store()
    closed = close(store, source_of(flow.name), flow_run, Status.FAILED, error=_error(flow, state))
    if closed is not None:
        tell_failure(closed)
        await show_summary(store, closed.id)


async def close_crashed(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """The flow's process was ended from outside; the next run goes on at the checkpoint."""
    reason = f"its process was ended: {state.message or 'no word from it'}"
    close(open_store(), source_of(flow.name), flow_run, Status.CRASHED, reason=reason)
    await _free_limit(flow_run)


async def close_cancelled(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """The flow run was cancelled; the next run goes on at the checkpoint."""
    reason = state.message or "cancelled"
    close(open_store(), source_of(flow.name), flow_run, Status.CANCELLED, reason=reason)
    await _free_limit(flow_run)


def _error(flow: Flow[..., Any], state: State[Any]) -> tuple[str, str]:
    """The error's type and message, in the words of this project where Prefect names none."""
    if state.name == TIMED_OUT:
        seconds = getattr(getattr(flow, "source", None), "timeout_seconds", flow.timeout_seconds)
        return "TimeoutError", f"the run took longer than timeout_seconds={seconds:g}"
    error = error_of(state)
    if error is not None:
        return type(error).__name__, str(error)
    return "Failed", state.message or "the flow run failed"


async def _free_limit(flow_run: FlowRun) -> None:
    try:
        await release_limit(flow_run.id)
    except Exception:  # noqa: BLE001 - Prefect frees the slot itself when its lease runs out
        get_logger("syncline").debug("the slot of flow run %s was not freed", flow_run.id, exc_info=True)
