"""Sessions of flow runs that ended outside of their flow: found by the run's id, or put on record afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from syncline.clock import milliseconds
from syncline.model.session import Status, SyncSession
from syncline.passes import ending, results
from syncline.store import sessions
from tasks.due import due_of, mode_of, plain, session_key

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun
    from sqlalchemy import Connection

    from syncline.store.engine import Store

__all__ = ["close", "put_on_record"]


def close(
    store: Store,
    source: str,
    flow_run: FlowRun,
    status: Status,
    *,
    reason: str | None = None,
    error: tuple[str, str] | None = None,
) -> SyncSession | None:
    """Give the session of `flow_run` its fate; a run that never opened one gets its record now.

    Returns:
        The session, if this call closed it; None where it had its fate already.
    """
    with store.read() as connection:
        session = sessions.by_flow_run(connection, session_key(flow_run))
    if session is None:
        return put_on_record(store, source, flow_run, status, reason=reason, error=error)
    if error is not None:
        with store.write() as connection:
            sessions.note_error(connection, session.id, error_type=error[0], error_message=error[1])
    if not ending.end(store, session.id, status, reason=reason):
        return None
    with store.read() as connection:
        return sessions.find(connection, session.id)


def put_on_record(
    store: Store,
    source: str,
    flow_run: FlowRun,
    status: Status,
    *,
    reason: str | None = None,
    error: tuple[str, str] | None = None,
) -> SyncSession | None:
    """Record a flow run that ended without a session of its own; None where it has one.

    The id is made of the run's, so that two processes that find the run at once make one record.
    """
    began = plain(flow_run.start_time or flow_run.expected_start_time) or store.clock.now()
    session = _record(source, flow_run, status, began)
    session.completed_at = max(plain(flow_run.end_time) or store.clock.now(), began)
    session.reason = reason
    session.error_type, session.error_message = error or (None, None)

    def insert(connection: Connection) -> bool:
        if sessions.by_flow_run(connection, session_key(flow_run)) is not None:
            return False
        sessions.insert_session(connection, session)
        return True

    try:
        if not store.transact(insert):
            return None
    except IntegrityError:
        return None
    results.tell(store, [session.id])
    return session


def _record(source: str, flow_run: FlowRun, status: Status, began: datetime) -> SyncSession:
    due = due_of(flow_run, mode_of(flow_run))
    return SyncSession(
        id=f"{source}-sync-{milliseconds(began)}-{flow_run.id.hex[:8]}",
        source=source,
        trigger=due.trigger,
        mode=due.mode,
        status=status,
        started_at=began,
        flow_run_id=due.flow_run_id,
        scheduled_for=due.scheduled_for,
    )
