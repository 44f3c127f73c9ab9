"""Snapshots: made once, and never changed; the database refuses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, select
from sqlmodel import Session, col

from syncline.model.contests import Snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["add", "every", "find"]


def add(connection: Connection, snapshot: Snapshot) -> None:
    """Keep a snapshot; called in the transaction in which its round becomes frozen."""
    connection.execute(insert(Snapshot), snapshot.model_dump())


def find(connection: Connection, number: int) -> Snapshot | None:
    """The snapshot of a round."""
    return Session(connection).scalars(select(Snapshot).where(col(Snapshot.round_number) == number)).first()


def every(connection: Connection) -> Sequence[tuple[int, int, int, str]]:
    """Of each snapshot its round, how many entries it has, how many of them were public, and its hash."""
    columns = col(Snapshot.round_number), col(Snapshot.entries), col(Snapshot.public), col(Snapshot.content_hash)
    return [(row[0], row[1], row[2], row[3]) for row in connection.execute(select(*columns))]
