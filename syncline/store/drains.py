"""Drains in the database: one for each host and slot, known by their signs of life."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, select, update
from sqlmodel import Session, col

from syncline.model.job import DrainRow
from syncline.model.policies import Priority
from syncline.store import job_counts
from syncline.store.leases import Process
from syncline.store.native import execute
from syncline.store.upserts import upsert

__all__ = [
    "NOBODY_SECONDS",
    "SILENT_US",
    "DrainPlace",
    "beat",
    "forget_dead",
    "leave",
    "live",
    "take_place",
    "unattended_seconds",
]

NOBODY_SECONDS = 60.0
"""A job that is due for so long, while no drain of its priority lives, is an alarm."""

SILENT_US = 30_000_000
"""A drain that gave no sign of life for so long counts as dead."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DrainPlace:
    """Which drain it is, and what it works on.

    Attributes:
        host: the machine's name.
        slot: tells the drains of a machine apart.
        owner: tells it from all drains that ever were.
        priorities: the lanes that it works on.
        capacity: how many jobs it has under way at most.
    """

    host: str
    slot: int
    owner: str
    priorities: tuple[Priority, ...]
    capacity: int


def take_place(connection: Connection, place: DrainPlace, *, process: Process, now_us: int) -> DrainRow | None:
    """Become the drain of this host and slot; returns the one that lives there, None where the place was free.

    The one that lives there is asked to leave, so that no time passes in which there is none.
    Called in a transaction that writes: on PostgreSQL two that come at once take turns at the row.
    """
    lock = select(DrainRow).where(*_is(place.host, place.slot))
    held = Session(connection).scalar(lock.with_for_update())
    if held is not None and held.owner != place.owner and not _is_dead(held, now_us):
        asked = update(DrainRow).where(*_is(held.host, held.slot), col(DrainRow.owner) == held.owner)
        connection.execute(asked.values(asked_by=place.owner))
        return held
    values: dict[str, object] = {
        "owner": place.owner,
        "boot_id": process.boot_id,
        "pid": process.pid,
        "process_started": process.started,
        "started_us": now_us,
        "seen_us": now_us,
        "priorities": ",".join(place.priorities),
        "capacity": place.capacity,
        "under_way": 0,
        "asked_by": None,
        **{f"ended_{priority}": 0 for priority in Priority},
    }
    upsert(connection, DrainRow, {"host": place.host, "slot": place.slot}, values)
    return None


def beat(
    connection: Connection, place: DrainPlace, *, now_us: int, under_way: int, ended: Mapping[Priority, int]
) -> bool:
    """Give a sign of life; returns whether the place is still this drain's, and no other one asks for it."""
    mine = update(DrainRow).where(
        *_is(place.host, place.slot), col(DrainRow.owner) == place.owner, col(DrainRow.asked_by).is_(None)
    )
    counted = {f"ended_{priority}": ended.get(priority, 0) for priority in Priority}
    return connection.execute(mine.values(seen_us=now_us, under_way=under_way, **counted)).rowcount == 1


def leave(connection: Connection, place: DrainPlace) -> None:
    """Give the place up."""
    mine = *_is(place.host, place.slot), col(DrainRow.owner) == place.owner
    connection.execute(delete(DrainRow).where(*mine))


def live(connection: Connection, *, now_us: int) -> Sequence[DrainRow]:
    """The drains that live, by host and slot."""
    order = col(DrainRow.host), col(DrainRow.slot)
    found = Session(connection).scalars(select(DrainRow).order_by(*order)).all()
    return [row for row in found if not _is_dead(row, now_us)]


def unattended_seconds(connection: Connection, *, now_us: int) -> float | None:
    """For how long the first job has been due that no living drain works on; None: a minute at most.

    A drain may work on some priorities alone: the others wait for another one.
    """
    worked_on = {name for row in live(connection, now_us=now_us) for name in row.priorities.split(",")}
    left = [priority for priority in Priority if priority.value not in worked_on]
    first = job_counts.first_due(connection, now_us=now_us, priorities=left) if left else None
    seconds = None if first is None else (now_us - first) / 1_000_000
    return seconds if seconds is not None and seconds > NOBODY_SECONDS else None


def forget_dead(connection: Connection, *, now_us: int, dry_run: bool = False) -> int:
    """Delete drains that have been dead for a day, or only count them: of a host that was renamed, for one."""
    before = now_us - 86_400_000_000
    if dry_run:
        return int(execute(connection, "SELECT count(*) FROM drains WHERE seen_us < ?", [before])[0][0])
    return len(execute(connection, "DELETE FROM drains WHERE seen_us < ? RETURNING slot", [before]))


def _is(host: str, slot: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(DrainRow.host) == host, col(DrainRow.slot) == slot


def _is_dead(row: DrainRow, now_us: int) -> bool:
    process = Process(host=row.host, boot_id=row.boot_id, pid=row.pid, started=row.process_started)
    return row.seen_us <= now_us - SILENT_US or process.is_dead
