"""Snapshots: made once, and never changed; the database refuses it."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select
from sqlmodel import Session, col

from syncline.contests.tables import Snapshot

__all__ = ["add", "find"]


def add(connection: Connection, snapshot: Snapshot) -> None:
    """Keep a snapshot; called in the transaction in which its round becomes frozen."""
    connection.execute(insert(Snapshot), snapshot.model_dump())


def find(connection: Connection, number: int) -> Snapshot | None:
    """The snapshot of a round."""
    return Session(connection).scalars(select(Snapshot).where(col(Snapshot.round_number) == number)).first()
