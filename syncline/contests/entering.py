"""Entering: the tweets that a poll has stored become entries of the round that is open."""

from __future__ import annotations

from sqlalchemy import Connection

from syncline.contests import entries, rounds
from syncline.model.session import Tally
from syncline.store import sessions
from syncline.store.engine import Store

__all__ = ["enter"]


def enter(store: Store, session_id: str, *, round_seconds: float | None) -> int:
    """Make entries of all tweets that are none yet, and open the next round where the last one is over.

    Returns:
        How many were made. What a run that died has left is made up for by the next one.

    Raises:
        SessionLostError: the session was closed or taken over; nothing was made.
    """

    def make(connection: Connection) -> int:
        now = store.now(connection)
        rounds.roll(connection, now=now, every_seconds=round_seconds)
        made = entries.enter(connection, rounds.open_ones(connection), now=now)
        sessions.advance(connection, session_id, Tally())
        return made

    return store.transact(make)
