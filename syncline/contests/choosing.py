"""Which entries are checked next, and which rounds are frozen next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from syncline.contests import entries, rounds
from syncline.contests.tables import Entry, Round, RoundStatus
from syncline.model.source import Source
from syncline.store import checkpoints, sessions
from syncline.store.engine import Store

__all__ = ["DueRounds", "due_rounds", "longest_unchecked", "newest", "rounds_to_freeze"]

_JUST_CHECKED = timedelta(seconds=120)
"""A sweep leaves out what a validation has looked at so shortly before."""
_READ_WITHIN = timedelta(minutes=15)
"""Within this time after a round's end it is normal that its last tweets are still being read."""


@dataclass(frozen=True, kw_only=True)
class DueRounds:
    """Rounds to freeze.

    Attributes:
        numbers: those that can be frozen now, in order.
        overdue: why others cannot be for quite some time; None: there are none.
    """

    numbers: tuple[int, ...] = ()
    overdue: str | None = None


def longest_unchecked(store: Store, limit: int) -> Sequence[Entry]:
    """The entries of open rounds whose last check is longest ago, those first that were never checked."""
    with store.read() as connection:
        return entries.longest_unchecked(connection, _open_rounds(connection), limit)


def newest(store: Store, limit: int) -> Sequence[Entry]:
    """The newest entries of open rounds, but for those that were checked just now."""
    before = store.clock.now() - _JUST_CHECKED
    with store.read() as connection:
        return entries.newest(connection, _open_rounds(connection), limit, checked_before=before)


def due_rounds(store: Store, read_by: Source, *, round_seconds: float | None) -> DueRounds:
    """The rounds whose time is over, once `read_by` has read all that was tweeted in them; and those that were begun.

    The next round is opened where the last one is over.
    """
    with store.write() as connection:
        now = store.clock.now()
        rounds.roll(connection, now=now, every_seconds=round_seconds)
        due = rounds.due(connection, now)
        read_to = _read_to(connection, read_by)
    unread = {one.number: one.ends_at for one in due if _is_unread(one, read_to)}
    late = [number for number, ends_at in unread.items() if ends_at is not None and now - ends_at > _READ_WITHIN]
    said = f"round {late[0]} is over, but {read_by.name} has not read all of its tweets yet" if late else None
    return DueRounds(numbers=tuple(one.number for one in due if one.number not in unread), overdue=said)


def rounds_to_freeze(store: Store, session_id: str, read_by: Source, *, round_seconds: float | None) -> tuple[int, ...]:
    """The numbers of the `due_rounds`; where others have waited for long, the session says why."""
    due = due_rounds(store, read_by, round_seconds=round_seconds)
    if due.overdue is not None:
        with store.write() as connection:
            sessions.note_reason(connection, session_id, due.overdue)
    return due.numbers


def _open_rounds(connection: Connection) -> list[int]:
    return [one.number for one in rounds.every(connection) if one.status is RoundStatus.OPEN]


def _is_unread(one: Round, read_to: datetime | None) -> bool:
    """Whether tweets of a round that is over may not be read yet; one that was frozen by hand does not wait."""
    if one.status is not RoundStatus.OPEN or one.ends_at is None:
        return False
    return read_to is None or read_to < one.ends_at


def _read_to(connection: Connection, source: Source) -> datetime | None:
    """Up to when the source has read all: the beginning of its last whole pass, less its lag."""
    checkpoint = checkpoints.read(connection, source.name, None)
    if checkpoint is None or checkpoint.read_to is None:
        return None
    return checkpoint.read_to - timedelta(seconds=source.required_dataset.lag_seconds)
