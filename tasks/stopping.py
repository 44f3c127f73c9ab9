"""How a run is stopped from outside: its time is over, or another one takes its place."""

from __future__ import annotations

import asyncio
import os
import threading

from prefect import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Completed, Failed

from syncline.model.policies import Overlap
from syncline.model.session import Status, Tally
from syncline.model.source import Source
from syncline.passes import closing
from syncline.store import leases, sessions
from tasks import session_closing
from tasks.early_end import EarlyEnd, EndRun
from tasks.limit import release_limit
from tasks.run import Run
from tasks.session_closing import tell_failure
from tasks.watchdog import Watchdog

__all__ = ["TIMED_OUT", "RunTimedOutError", "close_stopped", "overdue", "stop_if_asked", "taken_over", "watchdog_for"]

TIMED_OUT = "TimedOut"
"""Prefect's name for the state of a run that took too long."""
_TELL_SECONDS = 5
_OWN_RUN = "PREFECT__FLOW_RUN_ID"
"""The variable by which a process knows the flow run that it was started for."""


class RunTimedOutError(TimeoutError):
    """The run took longer than its source's `timeout_seconds`; what it stored stays."""


def overdue(source: Source) -> EarlyEnd:
    """Its time is over."""
    message = f"the run took longer than timeout_seconds={source.timeout_seconds:g}"
    return EarlyEnd(status=Status.FAILED, reason=message, error=("TimeoutError", message))


def taken_over(by: str) -> EarlyEnd:
    """The session `by` takes its place."""
    return EarlyEnd(status=Status.CANCELLED, reason=f"overlap: session {by} took its place")


def stop_if_asked(run: Run) -> None:
    """Stop the run between two pages, where another one is to take its place.

    Raises:
        EndRun: one is.
    """
    if run.source.overlap is not Overlap.CANCEL_RUNNING:
        return
    with run.store.read() as connection:
        by = leases.asked_by(connection, run.source.target(), run.session_id)
    if by is not None:
        raise EndRun(taken_over(by))


def close_stopped(run: Run, stop: EarlyEnd) -> bool:
    """Give the run's session the outcome that `stop` says; False where it has one already."""
    reason = None if stop.error is not None else stop.reason
    closed = closing.close(
        run.store, run.session_id, stop.status, reason=reason, error=stop.error, retry_at=stop.retry_at, held=stop.held
    )
    if closed and stop.status is Status.FAILED:
        with run.store.read() as connection:
            session = sessions.find(connection, run.session_id)
        if session is not None:
            tell_failure(session)
    return closed


def watchdog_for(run: Run, flow_run: FlowRun | None) -> Watchdog:
    """What ends `run` from outside: it closes the session, frees the limit, and at last ends the run's own process."""

    def close(stop: EarlyEnd) -> None:
        if run.session_id:
            close_stopped(run, stop)
        elif flow_run is not None:
            session_closing.close(run.store, run.source.name, flow_run, stop.status, error=stop.error)
        if flow_run is not None:
            asyncio.run(asyncio.wait_for(release_limit(flow_run.id), _TELL_SECONDS))

    def leave(stop: EarlyEnd) -> None:
        if flow_run is not None and os.environ.get(_OWN_RUN) == str(flow_run.id):
            _leave(flow_run, stop)

    return Watchdog(close, leave)


def _leave(flow_run: FlowRun, stop: EarlyEnd) -> None:
    """Tell Prefect how the run ended, and end the process, which is the run's own and does not end by itself."""
    told = threading.Event()

    def tell() -> None:
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(flow_run.id, _state(stop), force=True)
        told.set()

    threading.Thread(target=tell, daemon=True).start()
    os._exit(0 if told.wait(_TELL_SECONDS) else 1)  # if Prefect was not told, the runner reports a crash


def _state(stop: EarlyEnd) -> State[Tally]:
    """What Prefect shows of a run that was stopped from outside."""
    if stop.status is Status.FAILED:
        return Failed(name=TIMED_OUT, message=stop.reason)
    return Completed(name=stop.status.capitalize(), message=stop.reason)
