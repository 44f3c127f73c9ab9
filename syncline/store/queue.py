"""The queue before a lease: runs that wait for their turn, in the order in which they were due."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, select
from sqlmodel import Session, col

from syncline.model.tables import QueuedRun
from syncline.model.target import Target
from syncline.store.leases import TTL_SECONDS, Process
from syncline.store.upserts import upsert

__all__ = ["BACK_WITHIN_SECONDS", "find", "is_here", "join", "leave", "step_out", "waiting"]

BACK_WITHIN_SECONDS = 300
"""How long after its time the place of a run that was deferred is kept."""
_AWAY = Process(host="", boot_id="", pid=0, started=0)


def join(
    connection: Connection, target: Target, session_id: str, *, tick: datetime, process: Process, now: datetime
) -> None:
    """Wait for the target's lease in the order of `tick`; called again it keeps the place for another `TTL_SECONDS`."""
    over = *target.among(QueuedRun), col(QueuedRun.expires_at) <= now
    connection.execute(delete(QueuedRun).where(*over))
    _put(connection, target, session_id, tick, process, expires_at=now + timedelta(seconds=TTL_SECONDS))


def step_out(connection: Connection, target: Target, session_id: str, *, tick: datetime, back_at: datetime) -> None:
    """Keep the place of a run that is deferred until `back_at`, and comes back in another process."""
    until = back_at + timedelta(seconds=BACK_WITHIN_SECONDS)
    _put(connection, target, session_id, tick, _AWAY, expires_at=until)


def leave(connection: Connection, session_id: str) -> None:
    """Give the place up."""
    connection.execute(delete(QueuedRun).where(col(QueuedRun.session_id) == session_id))


def waiting(connection: Connection, target: Target, *, now: datetime) -> list[QueuedRun]:
    """Who waits for the target's lease, the first one first; without those whose process died or whose time is over."""
    rows = Session(connection).scalars(_WAITING, {**target.bindings, "at": now})
    return [row for row in rows if not (is_here(row) and _process(row).is_dead)]


def find(connection: Connection, session_id: str, *, now: datetime) -> QueuedRun | None:
    """The place of the session, while it is kept."""
    row = Session(connection).get(QueuedRun, session_id)
    return row if row is not None and row.expires_at > now else None


def is_here(row: QueuedRun) -> bool:
    """Whether a process waits; else the run was deferred."""
    return row.pid > 0


def _put(
    connection: Connection, target: Target, session_id: str, tick: datetime, process: Process, *, expires_at: datetime
) -> None:
    values = {
        **target.key,
        "tick": tick,
        "expires_at": expires_at,
        "host": process.host,
        "boot_id": process.boot_id,
        "pid": process.pid,
        "process_started": process.started,
    }
    upsert(connection, QueuedRun, {"session_id": session_id}, values)


def _process(row: QueuedRun) -> Process:
    return Process(host=row.host, boot_id=row.boot_id, pid=row.pid, started=row.process_started)


_WAITING = (
    select(QueuedRun)
    .where(*Target.bound(QueuedRun), col(QueuedRun.expires_at) > bindparam("at"))
    .order_by(col(QueuedRun.tick), col(QueuedRun.session_id))
)
"""Built once: each admission executes it."""
