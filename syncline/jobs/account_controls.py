"""What people change of an account: settings, pauses, removal; each in one transaction, with its audit entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection

from syncline.errors import AccountStateError, UnknownAccountError
from syncline.jobs import account_settings
from syncline.kernel_settings import AccountsSettings
from syncline.model.account import Account
from syncline.model.account_kind import AccountKind
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.tables import Hold
from syncline.model.target import Target
from syncline.store import account_removal, accounts, audit, holds, jobs, sessions
from syncline.store.engine import Store

__all__ = ["Pause", "Resumed", "change_settings", "held", "pause", "released", "remove", "resume", "touch"]


@dataclass(frozen=True, kw_only=True)
class Pause:
    """A pause that is wanted.

    Attributes:
        by: who wants it: the account's user, or an operator.
        reason: why, as others will read it.
        ttl_seconds: how long; None: until it is resumed.
    """

    by: str
    reason: str
    ttl_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Resumed:
    """What came of a resumption.

    Attributes:
        account: as it stands now.
        ended: how many holds ended.
        left: the holds that stop it still, the oldest first.
    """

    account: Account
    ended: int
    left: tuple[Hold, ...]


def touch(store: Store, account_id: str) -> Account:
    """Record that the account's user is active.

    Raises:
        UnknownAccountError: it was removed.
    """
    with store.write() as connection:
        return _known(accounts.touch(connection, account_id, now=store.clock.now()), account_id)


def change_settings(
    store: Store,
    account_id: str,
    wanted: Mapping[str, Any],
    *,
    kind: AccountKind,
    limits: AccountsSettings,
    actor: str,
    version: int | None = None,
) -> Account:
    """Change some of the account's settings: None takes one away, what is not named stays.

    `version` is the one that the caller has seen; None: whatever it is now.

    Raises:
        FieldError: a setting cannot be so.
        AccountStateError: it has another version by now.
        UnknownAccountError: it was removed.
    """

    def change(connection: Connection) -> Account:
        before = _known(accounts.find(connection, account_id), account_id)
        settings = account_settings.changed(before.settings, wanted, kind, limits)
        after = None
        if version in {None, before.version}:
            after = accounts.change_settings(connection, account_id, settings, seen_version=before.version)
        if after is None:
            raise AccountStateError(
                f"account {account_id} was changed meanwhile: look at it again (its version is no longer "
                f"{version or before.version})"
            )
        _record(connection, account_id, "settings", actor=actor, now=store.clock.now(), names=sorted(wanted))
        return after

    return store.transact(change)


def pause(store: Store, account_id: str, wanted: Pause) -> Hold:
    """Hold the account; a second pause by the same person takes the place of the first.

    Its job that waits is taken back, with outcome skipped; one that is under way ends at its next page.

    Raises:
        UnknownAccountError: it was removed.
    """

    def change(connection: Connection) -> Hold:
        now = store.clock.now()
        account = _known(accounts.find(connection, account_id, locked=True), account_id)
        holds.release_all(connection, account.target, now=now, by=wanted.by)
        hold = holds.create(
            connection,
            account.target,
            reason=wanted.reason,
            created_by=wanted.by,
            now=now,
            ttl_seconds=wanted.ttl_seconds,
        )
        held(connection, account.target, wanted.reason, now=now)
        why = {"id": hold.id, "reason": wanted.reason, "ttl_seconds": wanted.ttl_seconds}
        _record(connection, account_id, "pause", actor=wanted.by, now=now, **why)
        return hold

    return store.transact(change)


def resume(store: Store, account_id: str, *, by: str, is_operator: bool, everyone: bool = False) -> Resumed:
    """End the holds of the account's user, or those of operators, and say that what needed attention is mended.

    Args:
        store: the database.
        account_id: the account.
        by: who asks, for the audit log.
        is_operator: whether it is an operator's word, which ends the holds of operators.
        everyone: whether the holds of the others end too.

    Raises:
        UnknownAccountError: it was removed.
    """
    return store.transact(partial(_resume, store, account_id, by=by, is_operator=is_operator, everyone=everyone))


def _resume(
    store: Store, account_id: str, connection: Connection, *, by: str, is_operator: bool, everyone: bool
) -> Resumed:
    now = store.clock.now()
    account = _known(accounts.find(connection, account_id, locked=True), account_id)
    user, only = account.user_id, not everyone
    by_user, by_others = user if only and not is_operator else None, user if only and is_operator else None
    ended = holds.release_all(connection, account.target, now=now, by=by_user, but_by=by_others)
    mended = accounts.clear_attention(connection, account_id, now=now)
    released(connection, account.target, now=now)
    if ended or mended:
        _record(connection, account_id, "resume", actor=by, now=now, released=ended, attention_cleared=mended)
    left = holds.in_force(connection, account.target, now=now)
    after = _known(accounts.find(connection, account_id), account_id)
    return Resumed(account=after, ended=ended, left=tuple(left))


def remove(store: Store, account_id: str, *, actor: str) -> None:
    """Remove the account: it is gone for everybody at once, and its rows are deleted in slices from now on.

    Raises:
        UnknownAccountError: it was removed before.
    """

    def change(connection: Connection) -> None:
        account = _known(accounts.find(connection, account_id, locked=True), account_id)
        if not account_removal.mark_removed(connection, account_id):
            raise UnknownAccountError(account_id)
        jobs.take_back(connection, account.target)  # its session would be deleted with the account
        now, whose = store.clock.now(), {"source": account.source, "user_id": account.user_id}
        _record(connection, account_id, "remove", actor=actor, now=now, **whose)

    store.transact(change)


def held(connection: Connection, target: Target, reason: str, *, now: datetime) -> None:
    """Have the account's state and queue say that a hold of its own was made; of a source, nothing is to be done."""
    if not target.account_id:
        return
    accounts.mark_paused(connection, target.account_id, reason)
    job_id = jobs.take_back(connection, target)
    if job_id is not None:
        sessions.insert_session(connection, _skipped(target, job_id, f"the account was paused: {reason}", now))


def released(connection: Connection, target: Target, *, now: datetime) -> None:
    """Have the account's state say that a hold of its own ended, if no other one is in force."""
    if target.account_id:
        accounts.settle(connection, now=now, source=target.source, account_id=target.account_id)


def _skipped(target: Target, job_id: int, reason: str, now: datetime) -> SyncSession:
    return SyncSession(
        id=sessions.new_id(target.source, now),
        source=target.source,
        account_id=target.account_id,
        job_id=job_id,
        trigger=Trigger.SCHEDULE,
        mode=Mode.INCREMENTAL,
        status=Status.SKIPPED,
        reason=reason,
        started_at=now,
        completed_at=now,
    )


def _record(
    connection: Connection, account_id: str, action: str, *, actor: str, now: datetime, **detail: object
) -> None:
    target = f"account/{account_id}"
    audit.record(connection, actor=actor, action=f"account.{action}", target=target, now=now, detail=detail)


def _known(account: Account | None, account_id: str) -> Account:
    if account is None:
        raise UnknownAccountError(account_id)
    return account
