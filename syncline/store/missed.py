"""Missed ticks on record: a session for each tick of a schedule that nothing answered, made once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from itertools import islice

from sqlalchemy import Connection, and_, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from syncline.clock import microseconds, milliseconds
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.target import Target
from syncline.store import leases, totals
from syncline.store.engine import Store

__all__ = ["MOST_ROWS", "MissedTick", "answered", "record", "unclaimed"]

MOST_ROWS = 10_080
"""So many rows are made for one downtime of a deployment: a week of a source that is due every minute. One more row
stands for all ticks before these, with their number in `ticks`."""
_AT_ONCE = 500
"""Rows of a transaction."""


@dataclass(frozen=True, kw_only=True)
class MissedTick:
    """A tick that nothing answered, with its cause; or several, from `tick` to `until`."""

    tick: datetime
    mode: Mode
    reason: str
    until: datetime | None = None
    ticks: int = 1


def record(store: Store, source: str, missed: Sequence[MissedTick]) -> list[str]:
    """Put the ticks on record that have no outcome yet, the earliest first; returns the ids of the sessions made.

    Interrupted, the next call makes the rest; two at once make each row once: its id is made of the tick.
    """
    made: list[str] = []
    for chunk in _chunks(_folded(missed)):
        made += store.transact(lambda connection, chunk=chunk: _insert(connection, source, chunk))
    return made


def answered(connection: Connection, source: str, ticks: Sequence[datetime]) -> set[datetime]:
    """Those of the ticks, which are in order, that have a session: an outcome, or a run at work."""
    if not ticks:
        return set()
    tick, until = col(SyncSession.scheduled_for), col(SyncSession.scheduled_until)
    wanted = or_(tick.between(ticks[0], ticks[-1]), and_(tick <= ticks[-1], until >= ticks[0]))
    found = connection.execute(select(tick, until).where(col(SyncSession.source) == source, wanted)).all()
    single = {row.scheduled_for for row in found if row.scheduled_until is None}
    ranges = [(row.scheduled_for, row.scheduled_until) for row in found if row.scheduled_until is not None]
    return {one for one in ticks if one in single or any(first <= one <= last for first, last in ranges)}


def unclaimed(connection: Connection, source: str, tick: datetime) -> SyncSession | None:
    """The session by which `tick` was recorded as missed although no run of it was known; None where it was not."""
    first, last = col(SyncSession.scheduled_for), col(SyncSession.scheduled_until)
    statement = select(SyncSession).where(
        col(SyncSession.source) == source,
        or_(first == tick, and_(first <= tick, last >= tick)),
        col(SyncSession.status) == Status.MISSED,
        col(SyncSession.flow_run_id).is_(None),
    )
    return Session(connection).scalars(statement.limit(1)).first()


def _folded(missed: Sequence[MissedTick]) -> list[MissedTick]:
    """At most `MOST_ROWS` single ticks, behind one record that stands for all that were due before them."""
    if len(missed) <= MOST_ROWS:
        return list(missed)
    earlier, newest = missed[:-MOST_ROWS], missed[-MOST_ROWS:]
    first, last = earlier[0], earlier[-1]
    reason = f"{len(earlier)} ticks: {first.reason}"
    whole = MissedTick(tick=first.tick, until=last.tick, ticks=len(earlier), mode=first.mode, reason=reason)
    return [whole, *newest]


def _insert(connection: Connection, source: str, chunk: Sequence[MissedTick]) -> list[str]:
    """Insert those without an outcome; behind the source's lease, where runs of it are admitted."""
    leases.holder(connection, Target(source), locked=True)
    known = answered(connection, source, [one.tick for one in chunk])
    rows = [_row(source, one) for one in chunk if one.tick not in known]
    if not rows:
        return []
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(SyncSession).on_conflict_do_nothing().returning(col(SyncSession.id), col(SyncSession.ticks))
    made = connection.execute(statement, [row.model_dump() for row in rows]).all()
    times = sum(row.ticks for row in made)
    if times:
        now = rows[0].started_at
        totals.count(connection, source, Status.MISSED, begun=now, ended=now, times=times)
    return [row.id for row in made]


def _row(source: str, missed: MissedTick) -> SyncSession:
    """The session of a tick; it begins and ends when the tick was due, so that the history has it at its place."""
    digest = blake2b(f"{source} {microseconds(missed.tick)}".encode(), digest_size=4).hexdigest()
    return SyncSession(
        id=f"{source}-sync-{milliseconds(missed.tick)}-{digest}",
        source=source,
        trigger=Trigger.SCHEDULE,
        mode=missed.mode,
        status=Status.MISSED,
        reason=missed.reason,
        started_at=missed.tick,
        completed_at=missed.tick,
        scheduled_for=missed.tick,
        scheduled_until=missed.until,
        ticks=missed.ticks,
    )


def _chunks(missed: Iterable[MissedTick]) -> Iterator[list[MissedTick]]:
    rest = iter(missed)
    while chunk := list(islice(rest, _AT_ONCE)):
        yield chunk
