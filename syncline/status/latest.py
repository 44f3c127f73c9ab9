"""The newest sessions of many sources, read by one statement whose cost does not grow with the history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection, inspect, select, text
from sqlmodel import Session

from syncline.model.session import Status, SyncSession

__all__ = ["RECENT", "Latest", "latest"]

RECENT = 20
"""How many sessions of each status are read of a source."""
_RAN = (Status.COMPLETED, Status.PARTIAL, Status.FAILED, Status.CRASHED, Status.CANCELLED, Status.DEFERRED)
"""The statuses of sessions that ran and ended."""
_AT_ONCE = 60
"""Sources of one statement: SQLite takes 500 parts, and each source needs one more than there are statuses above."""
_PART = (
    "SELECT * FROM (SELECT * FROM sync_sessions WHERE source = :s{n}{where} "
    "ORDER BY started_at DESC{more} LIMIT {limit}) AS p{n}_{part}"
)


@dataclass(frozen=True, kw_only=True)
class Latest:
    """The newest sessions of one source, of all of its accounts.

    Attributes:
        newest: the newest of all, whatever its status; None before the first.
        ended: those that ran and ended, the newest first: of each status up to `RECENT`.
    """

    newest: SyncSession | None = None
    ended: tuple[SyncSession, ...] = ()


def latest(connection: Connection, sources: Iterable[str]) -> Mapping[str, Latest]:
    """The newest sessions of each of `sources`; a session of another source is not read."""
    names = list(dict.fromkeys(sources))
    found = {name: Latest() for name in names}
    for some in _batches(names):
        rows = _rows(connection, some)
        found |= {name: _latest([row for row in rows if row.source == name]) for name in some}
    return found


def _batches(names: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(names)
    while some := list(islice(rest, _AT_ONCE)):
        yield some


def _rows(connection: Connection, names: Sequence[str]) -> Sequence[SyncSession]:
    parts = [part for n in range(len(names)) for part in _parts(n)]
    columns = {column.key: column.type for column in inspect(SyncSession).columns}
    statement = text(" UNION ALL ".join(parts)).columns(**columns)
    values = {f"s{n}": name for n, name in enumerate(names)}
    return Session(connection).scalars(select(SyncSession).from_statement(statement), values).all()


def _parts(n: int) -> Iterator[str]:
    yield _PART.format(n=n, part=0, where="", more=", id DESC", limit=1)
    for part, status in enumerate(_RAN, start=1):
        yield _PART.format(n=n, part=part, where=f" AND status = '{status.value}'", more="", limit=RECENT)


def _latest(rows: Sequence[SyncSession]) -> Latest:
    """What was read of one source; its newest session may have been read twice."""
    distinct = sorted({row.id: row for row in rows}.values(), key=lambda row: (row.started_at, row.id), reverse=True)
    ended = tuple(row for row in distinct if row.status in _RAN)
    return Latest(newest=distinct[0] if distinct else None, ended=ended)
