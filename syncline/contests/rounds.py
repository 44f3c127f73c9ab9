"""Rounds: opened one after the other without a gap, closed once, frozen once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Select, case, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from syncline.contests.tables import Round, RoundStatus

__all__ = ["begin_freezing", "due", "every", "find", "open_ones", "plan_end", "roll", "set_frozen"]


def roll(connection: Connection, *, now: datetime, every_seconds: float | None) -> None:
    """See to it that a round is open that goes on beyond `now`: the first one, or one after the last.

    It lasts a multiple of `every_seconds`, so that nothing is missing after downtime; None: until it is frozen by hand.
    The last round is locked until the transaction ends.
    """
    last = _last(connection)
    if last is None:
        _open(connection, 1, starts_at=now, ends_at=_end(now, now, every_seconds))
    elif last.ends_at is None and every_seconds is not None:
        plan_end(connection, last.number, _end(last.starts_at, now, every_seconds) or now)
    elif last.ends_at is not None and (last.ends_at <= now or last.status is not RoundStatus.OPEN):
        ends_at = _end(last.ends_at, max(now, last.ends_at), every_seconds)
        _open(connection, last.number + 1, starts_at=last.ends_at, ends_at=ends_at)


def open_ones(connection: Connection) -> Sequence[Round]:
    """The rounds that take entries, in order; none of them can be closed before the transaction ends."""
    statement = select(Round).where(col(Round.status) == RoundStatus.OPEN).order_by(col(Round.number))
    return Session(connection).scalars(statement.with_for_update()).all()


def find(connection: Connection, number: int, *, locked: bool = False) -> Round | None:
    """The round with this number; `locked`: until the transaction ends."""
    statement = select(Round).where(col(Round.number) == number)
    return _first(connection, statement.with_for_update() if locked else statement)


def every(connection: Connection) -> Sequence[Round]:
    """All rounds, the newest first."""
    return Session(connection).scalars(select(Round).order_by(col(Round.number).desc())).all()


def due(connection: Connection, now: datetime) -> Sequence[Round]:
    """The rounds that are to be frozen: their time is over, or their freeze has begun; in order."""
    over = (col(Round.status) == RoundStatus.OPEN) & (col(Round.ends_at) <= now)
    begun = col(Round.status) == RoundStatus.FREEZING
    return Session(connection).scalars(select(Round).where(or_(over, begun)).order_by(col(Round.number))).all()


def plan_end(connection: Connection, number: int, ends_at: datetime) -> bool:
    """Have the open round end then; False if it is not open, or not the last one."""
    last = _last(connection)
    if last is None or last.number != number or last.status is not RoundStatus.OPEN:
        return False
    connection.execute(update(Round).where(col(Round.number) == number).values(ends_at=ends_at))
    return True


def begin_freezing(connection: Connection, number: int, *, now: datetime) -> None:
    """Have the round take no more entries; it ends now, unless it ended before."""
    ended = case((col(Round.ends_at) <= now, col(Round.ends_at)), else_=now)
    mine = col(Round.number) == number, col(Round.status) == RoundStatus.OPEN
    values = {"status": RoundStatus.FREEZING, "ends_at": ended, "freezing_since": now}
    connection.execute(update(Round).where(*mine).values(values))


def set_frozen(connection: Connection, number: int, *, now: datetime, push_at: datetime | None) -> None:
    """Its snapshot is made, and to be sent from `push_at` on (None: it is not sent)."""
    mine = col(Round.number) == number, col(Round.status) == RoundStatus.FREEZING
    values = {"status": RoundStatus.FROZEN, "frozen_at": now, "push_retry_at": push_at}
    connection.execute(update(Round).where(*mine).values(values))


def _open(connection: Connection, number: int, *, starts_at: datetime, ends_at: datetime | None) -> None:
    """Open it, unless another process just did."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    opened = Round(number=number, status=RoundStatus.OPEN, starts_at=starts_at, ends_at=ends_at)
    connection.execute(make(Round).on_conflict_do_nothing(), opened.model_dump())


def _end(starts_at: datetime, now: datetime, every_seconds: float | None) -> datetime | None:
    """The first multiple of `every_seconds` after `starts_at` that lies ahead of `now`."""
    if every_seconds is None:
        return None
    periods = (now - starts_at).total_seconds() // every_seconds + 1
    return starts_at + timedelta(seconds=every_seconds * periods)


def _last(connection: Connection) -> Round | None:
    """The last round, locked until the transaction ends, so that no other transaction opens one after it."""
    last = select(Round).order_by(col(Round.number).desc())
    while True:
        locked = _first(connection, last.with_for_update())
        found = _first(connection, last)  # the transaction that held the lock may have opened another one
        if found is None or (locked is not None and locked.number == found.number):
            return found


def _first(connection: Connection, statement: Select[tuple[Round]]) -> Round | None:
    return Session(connection).scalars(statement.limit(1)).first()
