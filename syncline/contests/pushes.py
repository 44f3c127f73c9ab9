"""How the snapshots of rounds are sent: until they are accepted, or nobody will accept them any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update
from sqlmodel import Session, col

from syncline.contests.tables import Round, RoundStatus

__all__ = ["accepted", "ask_again", "due", "refused"]

_ERROR_LIMIT = 500


def due(connection: Connection, now: datetime) -> Sequence[Round]:
    """The frozen rounds whose snapshot is to be sent now, in order."""
    waiting = col(Round.status) == RoundStatus.FROZEN, col(Round.pushed_at).is_(None), col(Round.push_retry_at) <= now
    return Session(connection).scalars(select(Round).where(*waiting).order_by(col(Round.number))).all()


def accepted(connection: Connection, number: int, *, now: datetime) -> None:
    """It was accepted."""
    attempts = col(Round.push_attempts) + 1
    values = {"pushed_at": now, "push_attempts": attempts, "push_retry_at": None, "push_error": None}
    connection.execute(update(Round).where(col(Round.number) == number).values(values))


def refused(connection: Connection, number: int, *, error: str, retry_at: datetime | None) -> None:
    """It was not accepted; it is sent again at `retry_at`, or (None) not by itself."""
    attempts = col(Round.push_attempts) + 1
    values = {"push_attempts": attempts, "push_retry_at": retry_at, "push_error": error[:_ERROR_LIMIT]}
    connection.execute(update(Round).where(col(Round.number) == number).values(values))


def ask_again(connection: Connection, number: int, *, now: datetime) -> None:
    """Somebody wants it sent once more, if nobody has accepted it yet."""
    waiting = col(Round.number) == number, col(Round.status) == RoundStatus.FROZEN, col(Round.pushed_at).is_(None)
    connection.execute(update(Round).where(*waiting).values(push_retry_at=now))
