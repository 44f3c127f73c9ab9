"""Rejects: items that could not be stored, each with its reason, until they land or are gone upstream."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col
from xxhash import xxh3_128_hexdigest

from syncline.model.page import Key
from syncline.model.tables import Reject
from syncline.model.target import Target

__all__ = ["KEPT", "SourceRejects", "add", "commonest_reason", "forget_before", "of_session", "of_source"]

KEPT = 10_000
"""So many of a source are kept unless it says otherwise: a month of a broken feed is no archive."""
_RAW_LIMIT = 4_000
_REASON_LIMIT = 500
_KEY_LIMIT = 3_000
"""Longer than any key that a row can have."""
_AT_ONCE = 500


def add(
    connection: Connection,
    session_id: str,
    target: Target,
    rejected: Iterable[tuple[object, str, bytes]],
    *,
    now: datetime,
    part: str = "",
    keep: int = KEPT,
) -> None:
    """Keep items with their key (None where it cannot be read), the reason and the item as it came.

    One that was rejected before for the same reason is counted once more. Of the source's rejects only the `keep` that
    were seen last stay.
    """
    found = {
        (item, reason[:_REASON_LIMIT]): {
            "item": item,
            "item_key": None if key is None else str(key)[:_KEY_LIMIT],
            "reason": reason[:_REASON_LIMIT],
            "raw": raw.decode("utf-8", "replace").replace("\x00", "")[:_RAW_LIMIT],
        }
        for key, reason, raw in rejected
        if (item := _digest(key, raw))
    }
    if not found:
        return
    whose = {**target.key, "part": part, "session_id": session_id}
    rows = [{**whose, **row, "first_seen": now, "last_seen": now, "times": 1} for row in found.values()]
    connection.execute(_upsert(connection), rows)
    newest = select(col(Reject.id)).where(col(Reject.source) == target.source)
    surplus = newest.order_by(col(Reject.last_seen).desc(), col(Reject.id).desc()).offset(keep)
    connection.execute(delete(Reject).where(col(Reject.id).in_(surplus)))


def of_session(connection: Connection, session_id: str) -> Sequence[Reject]:
    """What a session rejected, in the order in which it was first seen; what a later one met again is that one's."""
    mine = select(Reject).where(col(Reject.session_id) == session_id).order_by(col(Reject.id))
    return Session(connection).scalars(mine).all()


def of_source(connection: Connection, source: str) -> Sequence[Reject]:
    """What of a source is rejected now, over all its accounts, what was seen last first."""
    mine = select(Reject).where(col(Reject.source) == source)
    return Session(connection).scalars(mine.order_by(col(Reject.last_seen).desc(), col(Reject.id))).all()


def commonest_reason(connection: Connection, session_id: str) -> tuple[str, int] | None:
    """For which reason a session rejected most items, and how many it rejected in all as far as they are kept."""
    reason, number = col(Reject.reason), func.count()
    mine = select(reason, number).where(col(Reject.session_id) == session_id).group_by(reason)
    counted = connection.execute(mine.order_by(number.desc(), reason)).all()
    return (counted[0][0], sum(row[1] for row in counted)) if counted else None


def forget_before(connection: Connection, target: Target, before: datetime, *, part: str = "") -> None:
    """Forget what was not seen since `before`, when a pass began that has seen all: it is gone upstream."""
    connection.execute(delete(Reject).where(*_mine(target, part), col(Reject.last_seen) < before))


@dataclass(kw_only=True)
class SourceRejects:
    """The rejects of one target, or of a `part` of it, as one session adds to them and takes from them.

    Most sources have none. That is looked up once a session, and costs the batches nothing.
    """

    target: Target
    session_id: str
    part: str = ""
    keep: int = KEPT
    _keys: set[str] | None = field(default=None, init=False)

    def add(self, connection: Connection, rejected: Sequence[tuple[Key | None, str, bytes]], now: datetime) -> None:
        """Keep what the session could not store."""
        if not rejected:
            return
        self._known(connection).update(str(key) for key, _, _ in rejected if key is not None)
        add(connection, self.session_id, self.target, rejected, now=now, part=self.part, keep=self.keep)

    def forget(
        self, connection: Connection, keys: Iterable[Key], *, but: AbstractSet[Key | None] = frozenset()
    ) -> None:
        """Forget the items with these `keys`, which have landed or are gone; `but` those that are rejected now."""
        known = self._known(connection)
        if not known:
            return
        landed = [key for key in keys if str(key) in known and key not in but]
        for start in range(0, len(landed), _AT_ONCE):
            items = [_digest(key, b"") for key in landed[start : start + _AT_ONCE]]
            connection.execute(delete(Reject).where(*_mine(self.target, self.part), col(Reject.item).in_(items)))

    def _known(self, connection: Connection) -> set[str]:
        """The keys of what is rejected."""
        if self._keys is None:
            keys = select(col(Reject.item_key)).where(*_mine(self.target, self.part))
            self._keys = {key for key in connection.execute(keys).scalars() if key is not None}
        return self._keys


def _mine(target: Target, part: str) -> tuple[ColumnElement[bool], ...]:
    return (*target.among(Reject), col(Reject.part) == part)


def _digest(key: object, raw: bytes) -> str:
    return xxh3_128_hexdigest(b"raw:" + raw if key is None else f"key:{key}".encode())


def _upsert(connection: Connection) -> Any:  # noqa: ANN401 - either database's own statement
    make: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(Reject)
    came = {name: statement.excluded[name] for name in ("raw", "last_seen", "session_id")}
    return statement.on_conflict_do_update(
        index_elements=["source", "account_id", "part", "item", "reason"], set_={**came, "times": col(Reject.times) + 1}
    )
