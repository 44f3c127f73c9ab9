"""Sessions in the database: opened, advanced page by page, closed once."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    String,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlmodel import Session, col

from syncline.clock import milliseconds
from syncline.errors import SessionLostError
from syncline.model.policies import Mode
from syncline.model.session import OPEN_STATUSES, Status, SyncSession, Tally
from syncline.model.target import Target
from syncline.store import totals

__all__ = [
    "add_requests",
    "advance",
    "by_flow_run",
    "close",
    "close_abandoned",
    "deferred_in_a_row",
    "find",
    "insert_session",
    "latest_started",
    "new_id",
    "note_error",
    "note_full",
    "note_reason",
    "note_retry",
    "requests_of",
    "running",
]

_MESSAGE_LIMIT = 2_000
_MOST_IN_A_ROW = 12
"""Further deferrals are not counted: the wait grows no longer."""
_NEVER_WORKED = (Status.RUNNING, Status.SKIPPED, Status.MISSED)
_RUNNING = literal_column(f"'{Status.RUNNING}'", String)
"""Written into the statement: SQLite takes an index of open sessions alone for no parameter."""

_COUNTERS = {
    "pages": col(SyncSession.pages_processed),
    "requests": col(SyncSession.requests),
    "processed": col(SyncSession.items_processed),
    "created": col(SyncSession.items_created),
    "updated": col(SyncSession.items_updated),
    "unchanged": col(SyncSession.items_unchanged),
    "deleted": col(SyncSession.items_deleted),
    "rejected": col(SyncSession.items_rejected),
}
"""The column that counts what a field of `Tally` tells."""
_ADVANCE = (
    update(SyncSession)
    .where(col(SyncSession.id) == bindparam("session_id"), col(SyncSession.status) == Status.RUNNING)
    .values(
        {column: column + bindparam(f"add_{name}", type_=Integer) for name, column in _COUNTERS.items()}
        | {
            "total_pages": func.coalesce(
                _COUNTERS["pages"] + bindparam("add_pages") + bindparam("pages_left", type_=Integer),
                col(SyncSession.total_pages),
            )
        }
    )
)
"""Built once: each page's transaction executes it."""
_NEWEST = select(SyncSession).order_by(col(SyncSession.started_at).desc()).limit(1)
_OF_FLOW_RUN = _NEWEST.where(col(SyncSession.flow_run_id) == bindparam("flow_run"))
_LATEST_STARTED = _NEWEST.where(
    *Target.bound(SyncSession), col(SyncSession.status).not_in([Status.SKIPPED, Status.MISSED])
)
_CLOSE_ABANDONED = (
    update(SyncSession)
    .where(*Target.bound(SyncSession), col(SyncSession.status) == _RUNNING, col(SyncSession.id) != bindparam("kept"))
    .values(
        status=Status.CRASHED,
        completed_at=bindparam("at"),
        reason="its process ended without a word; the next run goes on at its checkpoint",
    )
    .returning(col(SyncSession.id), col(SyncSession.started_at))
)
"""Built once: each admission executes them."""


def new_id(source: str, now: datetime) -> str:
    """A fresh session id: the source, when it began (milliseconds), and eight characters that tell equals apart."""
    return f"{source}-sync-{milliseconds(now)}-{secrets.token_hex(4)}"


def insert_session(connection: Connection, session: SyncSession) -> None:
    """Put `session` on record, open or with its outcome."""
    connection.execute(insert(SyncSession), session.model_dump())
    if session.status not in OPEN_STATUSES:
        totals.count(connection, session.source, session.status, begun=session.started_at, ended=session.completed_at)


def advance(connection: Connection, session_id: str, tally: Tally, *, pages_left: int | None = None) -> None:
    """Add what a page brought to the counters of an open session; `pages_left` follow it, as far as is known.

    Raises:
        SessionLostError: the session is no longer open; the transaction must not be committed.
    """
    added = {f"add_{name}": number for name, number in asdict(tally).items()}
    done = connection.execute(_ADVANCE, {"session_id": session_id, "pages_left": pages_left, **added})
    if done.rowcount != 1:
        raise _lost(session_id)


def add_requests(connection: Connection, session_id: str, number: int) -> None:
    """Count requests that no page tells of, while the session is open."""
    added = col(SyncSession.requests) + number
    connection.execute(update(SyncSession).where(*_open(session_id)).values(requests=added))


def requests_of(connection: Connection, session_id: str) -> int:
    """How many requests are on record for the session; 0 where there is none."""
    found = connection.execute(select(col(SyncSession.requests)).where(col(SyncSession.id) == session_id)).scalar()
    return found or 0


def note_retry(connection: Connection, session_id: str, *, retry_count: int) -> None:
    """Record that a pull is tried again."""
    connection.execute(update(SyncSession).where(*_open(session_id)).values(retry_count=retry_count))


def note_full(connection: Connection, session_id: str) -> None:
    """Record that everything is read where only changes were asked for, while the session is open."""
    connection.execute(update(SyncSession).where(*_open(session_id)).values(mode=Mode.FULL))


def note_error(connection: Connection, session_id: str, *, error_type: str, error_message: str) -> None:
    """Record what went wrong last, while the session is open."""
    values = {"error_type": error_type, "error_message": error_message[:_MESSAGE_LIMIT]}
    connection.execute(update(SyncSession).where(*_open(session_id)).values(values))


def note_reason(connection: Connection, session_id: str, reason: str) -> None:
    """Record what was not done, beside what was noted before, while the session is open: it will be partial."""
    noted = func.coalesce(col(SyncSession.reason).op("||")("; "), "")
    connection.execute(update(SyncSession).where(*_open(session_id)).values(reason=noted.op("||")(reason)))


def close(
    connection: Connection,
    session_id: str,
    status: Status,
    *,
    now: datetime,
    reason: str | None = None,
    error: tuple[str, str] | None = None,
    retry_at: datetime | None = None,
    held: bool = False,
) -> bool:
    """Give an open session its outcome; False when it had one already.

    `error` is the exception's type and message; without it, what was noted before stays. `held` says that a hold
    deferred it.
    """
    values: dict[str, object] = {"status": status, "completed_at": now, "retry_at": retry_at, "held": held}
    if reason is not None:
        values["reason"] = reason
    statement = update(SyncSession).where(*_open(session_id)).values(values | _error(status, error))
    closed = connection.execute(statement.returning(col(SyncSession.source), col(SyncSession.started_at))).first()
    if closed is None:
        return False
    totals.count(connection, closed.source, status, begun=closed.started_at, ended=now)
    return True


def _error(status: Status, error: tuple[str, str] | None) -> dict[str, object]:
    """What becomes of the session's error: named, cleared by a good end, or left as it was noted."""
    if error is not None:
        return {"error_type": error[0], "error_message": error[1][:_MESSAGE_LIMIT]}
    return {"error_type": None, "error_message": None} if status in {Status.COMPLETED, Status.DEFERRED} else {}


def close_abandoned(connection: Connection, target: Target, *, keep: str, now: datetime) -> list[str]:
    """Close as crashed whatever is open of the target but the session `keep`; returns the ids."""
    given = {**target.bindings, "kept": keep, "at": now}
    closed = connection.execute(_CLOSE_ABANDONED, given).all()
    for session in closed:
        totals.count(connection, target.source, Status.CRASHED, begun=session.started_at, ended=now)
    return [session.id for session in closed]


def find(connection: Connection, session_id: str) -> SyncSession | None:
    """The session with this id."""
    return Session(connection).get(SyncSession, session_id)


def by_flow_run(connection: Connection, flow_run_id: str) -> SyncSession | None:
    """The newest session of a Prefect flow run."""
    return Session(connection).scalars(_OF_FLOW_RUN, {"flow_run": flow_run_id}).first()


def running(connection: Connection, source: str | None = None) -> Sequence[SyncSession]:
    """All open sessions, of one source or of all."""
    statement = select(SyncSession).where(col(SyncSession.status) == Status.RUNNING)
    if source is not None:
        statement = statement.where(col(SyncSession.source) == source)
    return Session(connection).scalars(statement.order_by(col(SyncSession.started_at))).all()


def latest_started(connection: Connection, target: Target) -> SyncSession | None:
    """The newest session of the target that really ran, whatever became of it."""
    return Session(connection).scalars(_LATEST_STARTED, target.bindings).first()


def _lost(session_id: str) -> SessionLostError:
    return SessionLostError(
        f"session {session_id} is no longer open: another run took the source over, or it was closed"
    )


def _open(session_id: str) -> tuple[ColumnElement[bool], ...]:
    return (col(SyncSession.id) == session_id, col(SyncSession.status) == Status.RUNNING)


def deferred_in_a_row(connection: Connection, target: Target, *, reason: str) -> int:
    """How many of the newest sessions that worked and ended were deferred for a reason that begins so, up to 12."""
    statement = (
        select(col(SyncSession.status), col(SyncSession.reason))
        .where(*target.among(SyncSession), col(SyncSession.status).not_in(_NEVER_WORKED))
        .order_by(col(SyncSession.started_at).desc())
        .limit(_MOST_IN_A_ROW)
    )
    found: Sequence[tuple[Status, str | None]] = [(row[0], row[1]) for row in connection.execute(statement)]
    deferred = [status is Status.DEFERRED and (said or "").startswith(reason) for status, said in found]
    return deferred.index(False) if False in deferred else len(deferred)
