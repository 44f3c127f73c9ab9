"""What happens to accounts while somebody listens: told by two looks at the database, one for all listeners."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, select
from sqlmodel import Session, col

from syncline.model.account import Account, AccountState
from syncline.model.job import Job, JobStatus
from syncline.model.session import Status, SyncSession
from syncline.status.history import history

__all__ = ["AccountEvent", "EventName", "Sight", "between", "look"]


class EventName(StrEnum):
    """What happened to an account."""

    BEGAN = "began"
    PROGRESS = "progress"
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True)
class AccountEvent:
    """Something that happened to an account.

    Attributes:
        name: what.
        data: its particulars, for JSON.
    """

    name: EventName
    data: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, kw_only=True)
class Sight:
    """An account as one look saw it.

    Attributes:
        under_way: the job that is under way, or the session of a sync by hand; None: nothing is.
        progress: pages and items that the running session has stored.
        synced_at: when its last job ended.
        succeeded_at: when one last read all.
        ended: its newest session, where it has ended.
    """

    under_way: str | None
    progress: tuple[int, int] = (0, 0)
    synced_at: datetime | None = None
    succeeded_at: datetime | None = None
    ended: SyncSession | None = None


def look(connection: Connection, account_ids: Sequence[str], before: Mapping[str, Sight]) -> dict[str, Sight]:
    """How these accounts stand; one that was removed is missing.

    `before` is what the look before saw: only what has changed since is asked for its sessions.
    """
    of = col(Account.id).in_(account_ids)
    found = Session(connection).scalars(select(Account).where(of, col(Account.state) != AccountState.REMOVED)).all()
    jobs = select(col(Job.account_id), col(Job.id), col(Job.fence)).where(
        col(Job.account_id).in_(account_ids), col(Job.status) == JobStatus.PROCESSING
    )
    claimed = {row.account_id: f"{row.id}/{row.fence}" for row in connection.execute(jobs)}
    running = _running(connection, {one.source for one in found}, account_ids)
    seen: dict[str, Sight] = {}
    for one in found:
        sight = _sight(one, claimed.get(one.id), running.get(one.id))
        known = before.get(one.id)
        same = known is not None and (known.synced_at, known.under_way) == (sight.synced_at, sight.under_way)
        seen[one.id] = replace(sight, ended=known.ended if same and known is not None else _ended(connection, one))
    return seen


def between(account_id: str, before: Sight, now: Sight) -> Iterator[AccountEvent]:
    """What happened between two looks; a sync that began and ended between them is told as both."""
    ended = now.synced_at != before.synced_at or _id(now.ended) != _id(before.ended)
    if before.under_way is None and (now.under_way is not None or ended):
        yield AccountEvent(name=EventName.BEGAN, data={"account_id": account_id})
    if ended or (before.under_way is not None and now.under_way is None):
        yield AccountEvent(name=EventName.ENDED, data=_how(account_id, before, now))
    if now.under_way is None:
        return
    if now.under_way != before.under_way and (ended or before.under_way is not None):
        yield AccountEvent(name=EventName.BEGAN, data={"account_id": account_id})
    if now.progress != before.progress and any(now.progress):
        pages, items = now.progress
        yield AccountEvent(name=EventName.PROGRESS, data={"account_id": account_id, "pages": pages, "items": items})


def _sight(account: Account, claimed: str | None, running: SyncSession | None) -> Sight:
    return Sight(
        under_way=claimed or (None if running is None else running.id),
        progress=(0, 0) if running is None else (running.pages_processed, running.items_processed),
        synced_at=account.last_synced_at,
        succeeded_at=account.last_success_at,
    )


def _ended(connection: Connection, account: Account) -> SyncSession | None:
    newest = history(connection, account.source, account_id=account.id, limit=1)
    return newest[0] if newest and newest[0].completed_at is not None else None


def _running(connection: Connection, sources: set[str], account_ids: Sequence[str]) -> dict[str, SyncSession]:
    mine = (col(SyncSession.source).in_(sources), col(SyncSession.account_id).in_(account_ids))
    running = select(SyncSession).where(*mine, col(SyncSession.status) == Status.RUNNING)
    return {session.account_id: session for session in Session(connection).scalars(running)}


def _id(session: SyncSession | None) -> str | None:
    return None if session is None else session.id


def _how(account_id: str, before: Sight, now: Sight) -> dict[str, object]:
    """How it ended: as its session says; one that changed nothing and was planned leaves none."""
    session = now.ended if _id(now.ended) != _id(before.ended) else None
    if session is None:
        status = Status.COMPLETED if now.succeeded_at == now.synced_at else None
        return {"account_id": account_id, "status": status, "session_id": None, "changed": False}
    changed = session.items_created + session.items_updated + session.items_deleted
    return {"account_id": account_id, "status": session.status, "session_id": session.id, "changed": changed > 0}
