"""Registration: accounts are added, and their syncs asked for by people; what people ask for goes before the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection

from syncline.clock import microseconds
from syncline.errors import AccountStateError, FieldError, UnknownAccountError
from syncline.jobs import account_settings
from syncline.kernel_settings import AccountsSettings
from syncline.model.account import Account, AccountState
from syncline.model.account_kind import AccountKind
from syncline.model.job import JobReason
from syncline.model.policies import Mode, Priority
from syncline.model.source import Source
from syncline.model.tables import Hold
from syncline.store import accounts, audit, holds, jobs
from syncline.store.accounts import NewAccount
from syncline.store.engine import Store
from syncline.store.jobs import JobRequest
from syncline.words import iso_instant

__all__ = ["Imported", "Registered", "SyncRequest", "kind_of", "register", "register_many", "request_sync", "wanted"]


@dataclass(frozen=True, kw_only=True)
class SyncRequest:
    """What a person wants to be synced at once.

    Attributes:
        type: everything, or what changed.
        calendar_ids: what of the account; None: all of it.
    """

    type: Mode = Mode.INCREMENTAL
    calendar_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Registered:
    """An account whose sync is queued.

    Attributes:
        account: as it stands now.
        is_new: whether it was made; else it was there, with the settings that it has.
        job_id: the job that syncs it.
    """

    account: Account
    is_new: bool
    job_id: int


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What came of many accounts.

    Attributes:
        added: how many were made.
        found: how many were there.
    """

    added: int = 0
    found: int = 0

    def __add__(self, other: Imported) -> Imported:
        """Both together."""
        return Imported(added=self.added + other.added, found=self.found + other.found)


def kind_of(source: Source) -> AccountKind:
    """The kind of the source's accounts.

    Raises:
        FieldError: it has none; it names `source`.
    """
    if source.accounts is None:
        raise FieldError("source", f"{source.name} has no accounts: its data is everybody's")
    return source.accounts


def wanted(
    source: Source, *, user_id: str, external_id: str, settings: Mapping[str, Any], limits: AccountsSettings
) -> NewAccount:
    """The account that is asked for, checked.

    Raises:
        FieldError: something of it cannot be; it names the field.
    """
    kind = kind_of(source)
    if not user_id.strip():
        raise FieldError("user_id", f"must name the user whose {kind.noun} it is")
    return NewAccount(
        source=source.name,
        user_id=user_id.strip(),
        external_id=account_settings.external_id(external_id, kind),
        settings=account_settings.checked(settings, kind, limits),
    )


def register(store: Store, one: NewAccount, *, actor: str) -> Registered:
    """Find or make the account, and queue its sync, high; its user counts as active.

    Raises:
        AccountStateError: it is there, and paused or in need of attention.
    """
    return store.transact(partial(_register, one=one, now=store.clock.now(), actor=actor))


def register_many(store: Store, many: Sequence[NewAccount], *, actor: str) -> Imported:
    """Find or make some 1,000 accounts at most; the syncs of those that are new go behind all others."""
    return store.transact(partial(_register_many, many=many, now=store.clock.now(), actor=actor))


def request_sync(store: Store, account_id: str, request: SyncRequest | None = None) -> int:
    """Queue the account's sync, high, and record that its user is active; returns the id of the job.

    Raises:
        UnknownAccountError: it was removed.
        AccountStateError: it is paused or needs attention; the text says by whom and what to do.
    """
    asked = request or SyncRequest()
    return store.transact(partial(_request_sync, account_id=account_id, asked=asked, now=store.clock.now()))


def _register(connection: Connection, *, one: NewAccount, now: datetime, actor: str) -> Registered:
    added = accounts.add(connection, [one], now=now)[0]
    job_id = _request_sync(connection, account_id=added.account.id, asked=SyncRequest(), now=now)
    if added.is_new:
        detail = {"source": one.source, "user_id": one.user_id, "settings": sorted(one.settings)}
        target = f"account/{added.account.id}"
        audit.record(connection, actor=actor, action="account.add", target=target, now=now, detail=detail)
    account = accounts.find(connection, added.account.id)
    return Registered(account=account or added.account, is_new=added.is_new, job_id=job_id)


def _register_many(connection: Connection, *, many: Sequence[NewAccount], now: datetime, actor: str) -> Imported:
    added = accounts.add(connection, many, now=now)
    new = {one.account.id: one.account for one in added if one.is_new}
    requests = [_job(one, now, priority=Priority.LOW, reason=JobReason.SCHEDULE) for one in new.values()]
    jobs.enqueue(connection, requests, now_us=microseconds(now))
    if new:
        detail = {"added": len(new), "found": len(many) - len(new)}
        source = many[0].source
        audit.record(connection, actor=actor, action="account.import", target=source, now=now, detail=detail)
    return Imported(added=len(new), found=len(many) - len(new))


def _request_sync(connection: Connection, *, account_id: str, asked: SyncRequest, now: datetime) -> int:
    account = accounts.find(connection, account_id)
    if account is None:
        raise UnknownAccountError(account_id)
    if account.state is AccountState.PAUSED and accounts.settle(
        connection, now=now, source=account.source, account_id=account_id
    ):
        account = accounts.find(connection, account_id) or account
    _refuse_idle(connection, account, now)
    # the job before the account, as where a job ends: two that wait for each other would cost PostgreSQL a second
    jobs.enqueue(connection, [_job(account, now, asked=asked)], now_us=microseconds(now))
    accounts.touch(connection, account_id, now=now)
    job = jobs.open_job(connection, account_id)
    assert job is not None
    assert job.id is not None
    return job.id


def _refuse_idle(connection: Connection, account: Account, now: datetime) -> None:
    """Refuse a sync that could not begin: it would wait in the queue, and nobody would be told why."""
    if account.state is AccountState.ATTENTION:
        raise AccountStateError(
            f"account {account.id} needs attention: {account.state_reason}; mend that and resume it, then ask again"
        )
    if account.state is AccountState.PAUSED:
        own = [hold for hold in holds.in_force(connection, account.target, now=now) if hold.account_id]
        told = "; ".join(map(_told, own))
        raise AccountStateError(f"account {account.id} is paused {told}; resume it first")


def _told(hold: Hold) -> str:
    until = "until it is resumed" if hold.expires_at is None else f"until {iso_instant(hold.expires_at)}"
    return f"by {hold.created_by} {until} ({hold.reason})"


def _job(
    account: Account,
    now: datetime,
    *,
    priority: Priority = Priority.HIGH,
    reason: JobReason = JobReason.MANUAL,
    asked: SyncRequest | None = None,
) -> JobRequest:
    request = asked or SyncRequest()
    return JobRequest(
        account_id=account.id,
        user_id=account.user_id,
        source=account.source,
        scheduled_us=microseconds(now),
        priority=priority,
        reason=reason,
        type=request.type,
        calendar_ids=request.calendar_ids,
    )
