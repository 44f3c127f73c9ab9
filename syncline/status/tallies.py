"""What sessions counted since a beginning, kept between reads, so that each read adds up only the newest sessions."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, select
from sqlmodel import col

from syncline.model.session import OPEN_STATUSES, SyncSession, Tally

__all__ = ["Tallies"]

_LATE = timedelta(minutes=10)
"""A session stands on record, for all to see, within so long of its beginning."""

_COUNTED = {
    "pages": col(SyncSession.pages_processed),
    "processed": col(SyncSession.items_processed),
    "created": col(SyncSession.items_created),
    "updated": col(SyncSession.items_updated),
    "unchanged": col(SyncSession.items_unchanged),
    "deleted": col(SyncSession.items_deleted),
    "rejected": col(SyncSession.items_rejected),
    "requests": col(SyncSession.requests),
}
_SOURCE = func.lower(col(SyncSession.source))
"""Its name, which is lower case: to group by the plain column, SQLite would walk through a whole index of it."""
_ID, _STARTED, _OPEN = col(SyncSession.id), col(SyncSession.started_at), col(SyncSession.status).in_(OPEN_STATUSES)


class Tallies:
    """The tally of each source since a beginning: of sessions that began then or later, or were open at the first look.

    What began before a horizon and has ended is added up once and never read again; read at each look are the sessions
    after the horizon, and the few before it that are still open.
    """

    def __init__(self, since: datetime) -> None:
        """Count from `since` on."""
        self._turn = threading.Lock()
        self._horizon = since
        self._settled: Mapping[str, Tally] = {}
        self._open: frozenset[str] = frozenset()

    def read(self, connection: Connection, now: datetime) -> Mapping[str, Tally]:
        """The tallies at `now`, by source; a source without a session has none. They never shrink."""
        with self._turn:
            horizon = max(self._horizon, now - _LATE)
            still_open = frozenset(connection.scalars(select(_ID).where(_OPEN, horizon > _STARTED)))
            self._settled = self._settle(connection, horizon, still_open)
            self._horizon, self._open = horizon, still_open
            behind = _sums(connection, horizon <= _STARTED)
            return _joined([self._settled, behind, _of(connection, still_open)])

    def _settle(self, connection: Connection, horizon: datetime, still_open: frozenset[str]) -> Mapping[str, Tally]:
        """What is settled once the horizon has moved; a session that ends meanwhile is still one of the open ones."""
        ended = _of(connection, self._open - still_open)
        if horizon == self._horizon:
            return _joined([self._settled, ended])
        passed = (self._horizon <= _STARTED, horizon > _STARTED, ~_OPEN, _ID.not_in(still_open))
        return _joined([self._settled, ended, _sums(connection, *passed)])


def _of(connection: Connection, ids: Collection[str]) -> Mapping[str, Tally]:
    return _sums(connection, _ID.in_(ids)) if ids else {}


def _sums(connection: Connection, *conditions: ColumnElement[bool]) -> Mapping[str, Tally]:
    sums = [func.coalesce(func.sum(column), 0).label(name) for name, column in _COUNTED.items()]
    found = connection.execute(select(_SOURCE.label("name"), *sums).where(*conditions).group_by(_SOURCE))
    return {row.name: Tally(**{name: int(getattr(row, name)) for name in _COUNTED}) for row in found}


def _joined(parts: Iterable[Mapping[str, Tally]]) -> Mapping[str, Tally]:
    joined: dict[str, Tally] = {}
    for part in parts:
        for source, tally in part.items():
            joined[source] = joined.get(source, Tally()) + tally
    return joined
