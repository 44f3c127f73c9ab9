"""Sessions of flow runs that ended outside of their flow, and the events that Prefect's automations hear of failures.

A session is found by the run's id, or put on record afterwards.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b

from prefect.client.schemas.objects import FlowRun
from prefect.events import Event, emit_event
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from syncline import results
from syncline.clock import milliseconds
from syncline.model.session import Status, SyncSession
from syncline.model.tables import Hold
from syncline.passes import closing
from syncline.store import leases, missed, sessions
from syncline.store.engine import Store
from tasks.due import due_of, mode_of, plain, session_key

__all__ = [
    "DIED_UNBEGUN",
    "FAILED_EVENT",
    "REFUSED_EVENT",
    "close",
    "put_on_record",
    "refusal_event",
    "tell_failure",
    "tell_refusal",
]

FAILED_EVENT = "syncline.sync.failed"
REFUSED_EVENT = "syncline.credentials.refused"

DIED_UNBEGUN = "its run died before it was admitted"
"""Why a tick was missed whose run Prefect had begun."""


def close(
    store: Store,
    source: str,
    flow_run: FlowRun,
    status: Status,
    *,
    reason: str | None = None,
    error: tuple[str, str] | None = None,
) -> SyncSession | None:
    """Give the session of `flow_run` its outcome; a run that never opened one gets its record now.

    Returns:
        The session, if this call closed it; None where it had its outcome already.
    """
    with store.read() as connection:
        session = sessions.by_flow_run(connection, session_key(flow_run))
    if session is None:
        return put_on_record(store, source, flow_run, status, reason=reason, error=error)
    if error is not None:
        with store.write() as connection:
            sessions.note_error(connection, session.id, error_type=error[0], error_message=error[1])
    if not closing.close(store, session.id, status, reason=reason):
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
    """Record a flow run that ended without a session of its own; None where it has one, or its tick has.

    A tick whose run died before it was admitted was missed: nothing of it was done. The id is made of the run's, and
    admission holds the same lease, so that of several processes that find the run at once one makes the record.
    """
    session = _record(source, flow_run, status, store.clock.now())
    session.error_type, session.error_message = error or (None, None)
    session.reason = reason
    if session.status is Status.MISSED:
        session.reason = f"{DIED_UNBEGUN}: {reason}" if reason else DIED_UNBEGUN

    def insert(connection: Connection) -> bool:
        leases.holder(connection, session.target, locked=True)
        if sessions.by_flow_run(connection, session_key(flow_run)) is not None:
            return False
        tick = session.scheduled_for
        if tick is not None and missed.unclaimed(connection, source, tick) is not None:
            return False
        sessions.insert_session(connection, session)
        return True

    try:
        if not store.transact(insert):
            return None
    except IntegrityError:
        return None
    results.notify(store, [session.id])
    return session


def tell_failure(session: SyncSession) -> None:
    """Emit the event of a final failure."""
    payload = {
        "source": session.source,
        "attempts": session.retry_count + 1,
        "error": f"{session.error_type}: {session.error_message}",
        "session": session.id,
    }
    resource = {"prefect.resource.id": f"syncline.source.{session.source}", "prefect.resource.name": session.source}
    emit_event(event=FAILED_EVENT, resource=resource, payload=payload)


def refusal_event(hold: Hold, upstream: str) -> Event:
    """What Prefect hears of credentials that were refused: once, because the source is held from then on."""
    resource = {"prefect.resource.id": f"syncline.source.{hold.source}", "prefect.resource.name": hold.source}
    payload = {"source": hold.source, "upstream": upstream, "reason": hold.reason, "hold": hold.id}
    told = {"occurred": hold.created_at, "event": REFUSED_EVENT, "resource": resource, "payload": payload}
    return Event.model_validate(told)  # which makes of the instant what Prefect has on this Python


def tell_refusal(hold: Hold, upstream: str) -> None:
    """Emit the event of refused credentials."""
    told = refusal_event(hold, upstream)
    emit_event(told.event, dict(told.resource), occurred=told.occurred, payload=told.payload)


def _record(source: str, flow_run: FlowRun, status: Status, now: datetime) -> SyncSession:
    due = due_of(flow_run, mode_of(flow_run))
    began = min(plain(flow_run.start_time or flow_run.expected_start_time) or now, now)  # it may die before it is due
    unbegun = status is Status.CRASHED and due.scheduled_for is not None
    tick = plain(flow_run.expected_start_time) or began
    return SyncSession(
        id=f"{source}-sync-{milliseconds(tick)}-{_digest(session_key(flow_run))}",
        source=source,
        trigger=due.trigger,
        mode=due.mode,
        status=Status.MISSED if unbegun else status,
        started_at=began,
        completed_at=max(min(plain(flow_run.end_time) or now, now), began),
        flow_run_id=due.flow_run_id,
        scheduled_for=due.scheduled_for,
    )


def _digest(key: str) -> str:
    """Eight characters made of a run's key; its id alone begins with the time at which it was made."""
    return blake2b(key.encode(), digest_size=4).hexdigest()
