"""Leases: at most one process works on a target, and one that dies makes room."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, bindparam, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from syncline.model.session import SyncSession
from syncline.model.tables import LeaseRow
from syncline.model.target import Target

__all__ = [
    "RENEW_EVERY_SECONDS",
    "TTL_SECONDS",
    "Process",
    "acquire",
    "ask_to_end",
    "asked_by",
    "has_run_out",
    "holder",
    "is_lost",
    "is_of",
    "lives_on",
    "release",
    "renew",
]

TTL_SECONDS = 60
"""A lease that is not renewed for this long is free."""
RENEW_EVERY_SECONDS = 20
_WITH_OWNER = ("owner", "expires_at", "host", "boot_id", "pid", "process_started")
"""The columns that change with the owner."""


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process, told from every other one, also from a later one with its pid.

    Attributes:
        host: the machine's name.
        boot_id: the kernel's id of this boot, and the namespace in which pids count: containers have their own.
        pid: the process id.
        started: the process's start in clock ticks since boot.
    """

    host: str
    boot_id: str
    pid: int
    started: int

    @classmethod
    def current(cls) -> Process:
        """This process."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> Process:
        """The process of this machine that has the id `pid` now."""
        return cls(host=socket.gethostname(), boot_id=_boot_id(), pid=pid, started=_started(pid))

    @property
    def is_here(self) -> bool:
        """Whether it is, or was, one of this machine since its start, so that its end can be seen."""
        return bool(self.boot_id) and self.host == socket.gethostname() and self.boot_id == _boot_id()

    @property
    def is_dead(self) -> bool:
        """Whether it is known to have ended: it lived on this machine, and no longer does."""
        return self.is_here and _started(self.pid) != self.started


def _boot_id() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""  # not Linux: the expiry alone decides


def _started(pid: int) -> int:
    """The 22nd field of /proc/PID/stat (proc(5)); 0 where there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    fields = stat.rpartition(")")[2].split()
    return 0 if fields[0] == "Z" else int(fields[19])


def acquire(connection: Connection, target: Target, owner: str, *, process: Process, now: datetime) -> int | None:
    """Take the target's lease if it is free, expired, or its holder is known to be dead.

    Returns:
        The fence, which rises with each change of owner; None where somebody else holds it.
    """
    held = holder(connection, target)
    dead_fence = held.fence if held is not None and _process(held).is_dead else -1
    values: dict[str, object] = {
        "owner": owner,
        "expires_at": now + timedelta(seconds=TTL_SECONDS),
        "host": process.host,
        "boot_id": process.boot_id,
        "pid": process.pid,
        "process_started": process.started,
    }
    taken = {f"new_{name}": value for name, value in values.items()}
    fence = connection.execute(_TAKE, {**target.bindings, **taken, "at": now, "dead_fence": dead_fence}).scalar()
    if fence is None and held is None:
        make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        first = make(LeaseRow).values(**target.key, **values, fence=1).on_conflict_do_nothing()
        return connection.execute(first.returning(col(LeaseRow.fence))).scalar()
    return fence


def renew(connection: Connection, target: Target, owner: str, *, now: datetime) -> bool:
    """Hold on to the lease for another `TTL_SECONDS`; False where it was lost or given back."""
    statement = update(LeaseRow).where(*_held_by(target, owner)).values(expires_at=now + timedelta(seconds=TTL_SECONDS))
    return connection.execute(statement).rowcount == 1


def release(connection: Connection, target: Target, owner: str, *, now: datetime) -> None:
    """Free the lease, if `owner` still has it; its fence stays. A late renewal does not take it again."""
    connection.execute(update(LeaseRow).where(*_held_by(target, owner)).values(expires_at=now, released_at=now))


def ask_to_end(connection: Connection, target: Target, owner: str, *, by: str) -> None:
    """Ask `owner` to end for the sake of the session `by`; the one who asked first stays named."""
    theirs = _held_by(target, owner)
    connection.execute(update(LeaseRow).where(*theirs, col(LeaseRow.asked_by).is_(None)).values(asked_by=by))


def asked_by(connection: Connection, target: Target, owner: str) -> str | None:
    """The session for whose sake `owner` is asked to end; None where nobody asks."""
    mine = *target.among(LeaseRow), col(LeaseRow.owner) == owner
    return connection.execute(select(col(LeaseRow.asked_by)).where(*mine)).scalar()


def holder(connection: Connection, target: Target, *, locked: bool = False) -> LeaseRow | None:
    """Who has, or last had, the lease; `locked` keeps it as it is until the transaction ends."""
    return Session(connection).scalars(_LOCKED_HOLDER if locked else _HOLDER, target.bindings).first()


def of_dead_processes(connection: Connection, owners: Collection[str]) -> frozenset[str]:
    """Those of the sessions `owners` whose lease is held by a process of this machine that has ended."""
    if not owners:
        return frozenset()
    theirs = *_same_target(), col(SyncSession.id) == col(LeaseRow.owner), col(SyncSession.id).in_(owners)
    held = select(LeaseRow).where(*theirs, col(LeaseRow.released_at).is_(None))
    return frozenset(lease.owner for lease in Session(connection).scalars(held) if _process(lease).is_dead)


def is_lost(lease: LeaseRow | None, owner: str, *, now: datetime) -> bool:
    """Whether the session `owner` has no lease any more, or its process is known to be dead."""
    return lease is None or has_run_out(lease, owner, now=now) or _process(lease).is_dead


def has_run_out(lease: LeaseRow | None, owner: str, *, now: datetime) -> bool:
    """Whether the session `owner` has no lease any more, by the clock alone."""
    return lease is None or lease.owner != owner or lease.released_at is not None or lease.expires_at <= now


def is_of(lease: LeaseRow, process: Process) -> bool:
    """Whether `process` is the one that has the lease."""
    return lease.released_at is None and _process(lease) == process


def lives_on(lease: LeaseRow | None, owner: str) -> bool:
    """Whether the process that had the lease for `owner` is seen to live on this machine, also after it lost it."""
    if lease is None or lease.owner != owner:
        return False
    held_by = _process(lease)
    return held_by.is_here and _started(held_by.pid) == held_by.started


def _held_by(target: Target, owner: str) -> tuple[ColumnElement[bool], ...]:
    return (*target.among(LeaseRow), col(LeaseRow.owner) == owner, col(LeaseRow.released_at).is_(None))


def _same_target() -> tuple[ColumnElement[bool], ...]:
    """A lease and a session of one target: the lease is found by its key."""
    return (
        col(LeaseRow.source) == col(SyncSession.source),
        col(LeaseRow.account_id) == col(SyncSession.account_id),
    )


def _process(lease: LeaseRow) -> Process:
    return Process(host=lease.host, boot_id=lease.boot_id, pid=lease.pid, started=lease.process_started)


_TAKE = (
    update(LeaseRow)
    .where(
        *Target.bound(LeaseRow),
        or_(
            col(LeaseRow.expires_at) <= bindparam("at"),
            col(LeaseRow.released_at).is_not(None),
            col(LeaseRow.fence) == bindparam("dead_fence"),
        ),
    )
    .values(fence=col(LeaseRow.fence) + 1, asked_by=None, released_at=None)
    .values({name: bindparam(f"new_{name}") for name in _WITH_OWNER})
    .returning(col(LeaseRow.fence))
)
"""Take a lease that had an owner before. Most had: an upsert, which SQLAlchemy compiles anew each time, costs twice."""
_HOLDER = select(LeaseRow).where(*Target.bound(LeaseRow))
_LOCKED_HOLDER = _HOLDER.with_for_update()
"""Built once: each admission executes them."""
