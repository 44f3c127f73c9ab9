"""Leases: at most one process works on a source, and one that dies makes room."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, or_, select, update
from sqlalchemy import func as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from syncline.model.records import LeaseRow

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


def acquire(connection: Connection, name: str, owner: str, *, process: Process, now: datetime) -> int | None:
    """Take the lease `name` where it is free, expired, or its holder is known to be dead.

    Returns:
        The fence, which rises with each change of owner; None where somebody else holds it.
    """
    held = holder(connection, name)
    dead_fence = held.fence if held is not None and _process(held).is_dead else -1
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    values: dict[str, object] = {
        "owner": owner,
        "expires_at": now + timedelta(seconds=TTL_SECONDS),
        "host": process.host,
        "boot_id": process.boot_id,
        "pid": process.pid,
        "process_started": process.started,
        "asked_by": None,
    }
    free = or_(col(LeaseRow.expires_at) <= now, col(LeaseRow.fence) == dead_fence)
    statement = (
        make(LeaseRow)
        .values(name=name, fence=1, **values)
        .on_conflict_do_update(index_elements=["name"], set_={**values, "fence": col(LeaseRow.fence) + 1}, where=free)
        .returning(col(LeaseRow.fence))
    )
    return connection.execute(statement).scalar()


def renew(connection: Connection, name: str, owner: str, *, now: datetime) -> bool:
    """Hold on to the lease for another `TTL_SECONDS`; False where it was lost or given back."""
    statement = (
        update(LeaseRow)
        .where(col(LeaseRow.name) == name, col(LeaseRow.owner) == owner, col(LeaseRow.pid) > 0)
        .values(expires_at=now + timedelta(seconds=TTL_SECONDS))
    )
    return connection.execute(statement).rowcount == 1


def release(connection: Connection, name: str, owner: str, *, now: datetime) -> None:
    """Free the lease, if `owner` still has it; its fence stays.

    The pid is kept with a minus: a late renewal must not take the lease again, but whose it was can still be told.
    """
    mine = col(LeaseRow.name) == name, col(LeaseRow.owner) == owner
    connection.execute(update(LeaseRow).where(*mine).values(expires_at=now, pid=-sql.abs(col(LeaseRow.pid))))


def ask_to_end(connection: Connection, name: str, owner: str, *, by: str) -> None:
    """Ask `owner` to end for the sake of the session `by`; whoever asked first stays the one that is named."""
    theirs = col(LeaseRow.name) == name, col(LeaseRow.owner) == owner, col(LeaseRow.pid) > 0
    connection.execute(update(LeaseRow).where(*theirs, col(LeaseRow.asked_by).is_(None)).values(asked_by=by))


def asked_by(connection: Connection, name: str, owner: str) -> str | None:
    """The session for whose sake `owner` is asked to end; None where nobody asks."""
    mine = col(LeaseRow.name) == name, col(LeaseRow.owner) == owner
    return connection.execute(select(col(LeaseRow.asked_by)).where(*mine)).scalar()


def holder(connection: Connection, name: str, *, locked: bool = False) -> LeaseRow | None:
    """Who has, or last had, the lease; `locked` keeps it as it is until the transaction ends."""
    wanted = select(LeaseRow).where(col(LeaseRow.name) == name)
    return Session(connection).scalars(wanted.with_for_update() if locked else wanted).first()


def of_dead_processes(connection: Connection, owners: Collection[str]) -> frozenset[str]:
    """Those of the sessions `owners` whose lease is held by a process of this machine that has ended."""
    if not owners:
        return frozenset()
    held = select(LeaseRow).where(col(LeaseRow.owner).in_(owners), col(LeaseRow.pid) > 0)
    return frozenset(lease.owner for lease in Session(connection).scalars(held) if _process(lease).is_dead)


def is_lost(lease: LeaseRow | None, owner: str, *, now: datetime) -> bool:
    """Whether the session `owner` has no lease any more, or its process is known to be dead."""
    return lease is None or has_run_out(lease, owner, now=now) or _process(lease).is_dead


def has_run_out(lease: LeaseRow | None, owner: str, *, now: datetime) -> bool:
    """Whether the session `owner` has no lease any more, by the clock alone."""
    return lease is None or lease.owner != owner or lease.expires_at <= now


def is_of(lease: LeaseRow, process: Process) -> bool:
    """Whether `process` is the one that took the lease."""
    return _process(lease) == process


def lives_on(lease: LeaseRow | None, owner: str) -> bool:
    """Whether the process that had the lease for `owner` is seen to live on this machine, also after it lost it."""
    if lease is None or lease.owner != owner:
        return False
    held_by = replace(_process(lease), pid=abs(lease.pid))
    return held_by.is_here and _started(held_by.pid) == held_by.started


def _process(lease: LeaseRow) -> Process:
    return Process(host=lease.host, boot_id=lease.boot_id, pid=lease.pid, started=lease.process_started)
