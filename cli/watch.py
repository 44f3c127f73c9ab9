"""What a running session has done so far, read from the database while it works."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from syncline.model.policies import Mode
from syncline.model.records import Heartbeat
from syncline.model.session import SyncSession
from syncline.store import heartbeats, sessions
from syncline.store.engine import Store

__all__ = ["Reading", "read"]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A running session at one instant.

    Attributes:
        session_id: which session.
        mode: what it really does; an incremental run may have become a full one.
        at: the instant.
        started_at: when it began.
        pages: pages stored so far.
        total_pages: how many there will be, None where the upstream does not tell.
        items: items read so far.
        attempt: 1, or more after retries.
        waiting_for: what it waits for, None while it works.
        waiting_until: until when, where that is known.
    """

    session_id: str
    mode: Mode
    at: datetime
    started_at: datetime
    pages: int = 0
    total_pages: int | None = None
    items: int = 0
    attempt: int = 1
    waiting_for: str | None = None
    waiting_until: datetime | None = None

    @property
    def items_per_second(self) -> float:
        """The mean speed since it began."""
        return self.items / self._elapsed if self._elapsed > 0 else 0

    @property
    def seconds_left(self) -> float | None:
        """How long it will take at the mean speed so far; None before it can be told."""
        if not self.total_pages or not self.pages or self._elapsed <= 0:
            return None
        return max(self.total_pages - self.pages, 0) * self._elapsed / self.pages

    @property
    def _elapsed(self) -> float:
        return (self.at - self.started_at).total_seconds()


def read(store: Store, source: str, account_id: str | None, *, since: datetime) -> Reading | None:
    """The newest running session of the source that began at `since` or later; None where there is none."""
    now = store.clock.now()
    with store.read() as connection:
        open_sessions = [
            session
            for session in sessions.running(connection, source)
            if session.started_at >= since and session.account_id == account_id
        ]
        return _reading(connection, open_sessions[-1], now) if open_sessions else None


def _reading(connection: Connection, session: SyncSession, now: datetime) -> Reading:
    beat = _heartbeat(connection, session.source)
    return Reading(
        session_id=session.id,
        mode=session.mode,
        at=now,
        started_at=session.started_at,
        pages=session.pages_processed,
        total_pages=session.total_pages,
        items=session.items_processed,
        attempt=session.retry_count + 1,
        waiting_for=beat.waiting_for if beat else None,
        waiting_until=beat.waiting_until if beat else None,
    )


def _heartbeat(connection: Connection, source: str) -> Heartbeat | None:
    return next((beat for beat in heartbeats.every(connection) if beat.source == source), None)
