"""Accounts in the database: found or made, listed, changed by one conditional statement each.

An account is `paused` while a hold of its own is in force; holds of its source leave its state alone. The hold's end is
written to the state by `settle`: at once where someone ends it, and before each sweep where it expires.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, exists, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from syncline.clock import microseconds, milliseconds
from syncline.model.account import Account, AccountState
from syncline.model.tables import Hold

__all__ = [
    "ACTIVE_WITHIN",
    "MOST_WEIGHT",
    "Added",
    "NewAccount",
    "add",
    "attention",
    "change_settings",
    "clear_attention",
    "find",
    "mark_paused",
    "new_id",
    "settle",
    "touch",
]

ACTIVE_WITHIN = timedelta(hours=24)
"""An account whose user was not seen for longer is inactive."""
MOST_WEIGHT = 5.0
"""What activity raises an account's weight to at most."""
_GAIN = 0.5
_VISIT = timedelta(hours=1)
"""What comes within this long after an activity is the same visit, and adds no weight."""
_IS_THERE = col(Account.state) != AccountState.REMOVED


@dataclass(frozen=True, kw_only=True)
class NewAccount:
    """An account that is wanted.

    Attributes:
        source: the source that keeps it up to date.
        user_id: whose it is.
        external_id: what the provider calls it, in the canonical form of its kind.
        settings: its settings, checked.
        last_active_at: when its user was last seen; None: now.
    """

    source: str
    user_id: str
    external_id: str
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    last_active_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What no two accounts have in common."""
        return self.source, self.user_id, self.external_id


@dataclass(frozen=True, kw_only=True)
class Added:
    """An account that was wanted.

    Attributes:
        account: as it stands now.
        is_new: whether it was made by this call; else it was there, and its settings are as they were.
    """

    account: Account
    is_new: bool


def new_id(now: datetime) -> str:
    """A fresh id: `acc_`, when it was made (12 hexadecimal digits of milliseconds), and 12 that tell equals apart."""
    return f"acc_{milliseconds(now):012x}{secrets.token_hex(6)}"


def add(connection: Connection, wanted: Sequence[NewAccount], *, now: datetime) -> list[Added]:
    """Find or make these accounts (some 1,000 at once at most), each in the place of the one that wanted it.

    One that was removed is begun anew, under a new id. A new one is due at once.
    """
    distinct = {one.key: one for one in reversed(wanted)}
    usual = _usual(now)
    rows = [usual | _own(distinct[key], now) for key in sorted(distinct)]  # in order, so that two never deadlock
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    insert = make(Account).on_conflict_do_nothing(index_elements=["source", "user_id", "external_id"])
    made = {row.id for row in connection.execute(insert.returning(col(Account.id)), rows)} if rows else set[str]()
    found = _by_key(connection, list(distinct.values()))
    return [Added(account=found[one.key], is_new=found[one.key].id in made) for one in wanted]


def _by_key(connection: Connection, wanted: Sequence[NewAccount]) -> dict[tuple[str, str, str], Account]:
    """The accounts with these keys, and some others of the same users.

    Asked for by two lists and not by tuples, which PostgreSQL turns into a thousand conditions. The users are a filter
    behind the index on wallets: with the other index SQLite would look for each user with each wallet, a million pairs.
    """
    found: dict[tuple[str, str, str], Account] = {}
    for source in {one.source for one in wanted}:
        users, externals = zip(*((one.user_id, one.external_id) for one in wanted if one.source == source), strict=True)
        mine = (col(Account.source) == source, col(Account.external_id).in_(set(externals)))
        there = select(Account).where(*mine, (col(Account.user_id) + "").in_(set(users)))
        found |= {(one.source, one.user_id, one.external_id): one for one in Session(connection).scalars(there)}
    return found


def _usual(now: datetime) -> dict[str, object]:
    """The columns in which new accounts are alike; made once for many, as a model takes long to make."""
    made = Account(
        id="", user_id="", source="", external_id="", last_active_at=now, next_due_us=microseconds(now), created_at=now
    )
    return made.model_dump()


def _own(one: NewAccount, now: datetime) -> dict[str, object]:
    key = {"source": one.source, "user_id": one.user_id, "external_id": one.external_id}
    seen = one.last_active_at or now
    return {"id": new_id(now), **key, "settings": dict(one.settings), "last_active_at": seen}


def find(
    connection: Connection, account_id: str, *, user_id: str | None = None, locked: bool = False
) -> Account | None:
    """The account with this id, unless it was removed; with `user_id`, only if it is theirs.

    `locked` has others that change it wait for the end of the transaction.
    """
    wanted = select(Account).where(col(Account.id) == account_id, _IS_THERE)
    if user_id is not None:
        wanted = wanted.where(col(Account.user_id) == user_id)
    if locked:
        wanted = wanted.with_for_update()
    return Session(connection).scalar(wanted)


def touch(connection: Connection, account_id: str, *, now: datetime) -> Account | None:
    """Record that its user is active; None where there is no such account.

    One that was inactive is due at once. Each visit adds to its weight, up to `MOST_WEIGHT`; after an absence of
    `ACTIVE_WITHIN` half of what earlier ones added is left.
    """
    seen, weight, due = col(Account.last_active_at), col(Account.weight), col(Account.next_due_us)
    was_away = or_(seen.is_(None), seen <= now - ACTIVE_WITHIN)
    is_later = or_(due.is_(None), due > microseconds(now))
    raised = case((weight > MOST_WEIGHT - _GAIN, MOST_WEIGHT), else_=weight + _GAIN)
    values: dict[str, object] = {
        "last_active_at": now,
        "weight": case((was_away, (weight + 1) / 2 + _GAIN), (seen <= now - _VISIT, raised), else_=weight),
        "next_due_us": case((was_away & is_later, microseconds(now)), else_=due),
    }
    return _changed(connection, account_id, values, _IS_THERE)


def change_settings(
    connection: Connection, account_id: str, settings: Mapping[str, Any], *, seen_version: int
) -> Account | None:
    """Give the account these settings if its version is still the one that was seen; None if not, or it is gone."""
    values: dict[str, object] = {"settings": dict(settings), "version": seen_version + 1}
    return _changed(connection, account_id, values, _IS_THERE, col(Account.version) == seen_version)


def mark_paused(connection: Connection, account_id: str, reason: str) -> bool:
    """Say that a hold stops it; returns whether its state changed. One that needs attention still does."""
    values: dict[str, object] = {"state": AccountState.PAUSED, "state_reason": reason}
    return _changed(connection, account_id, values, col(Account.state) == AccountState.ACTIVE) is not None


def settle(connection: Connection, *, now: datetime, source: str, account_id: str | None = None) -> int:
    """Make those of a source's accounts active that are paused while no hold of theirs is in force any more.

    It is called where a hold ends, with the account's id, and by each sweep for those that expired. Returns how many
    there were. On PostgreSQL a pause that commits while this statement runs is not seen by it: the next sweep, which
    also looks for active accounts with a hold, makes them paused.
    """
    mine = [col(Account.source) == source]
    if account_id is not None:
        mine.append(col(Account.id) == account_id)
    free = (col(Account.state) == AccountState.PAUSED, ~_is_held(now))
    values: dict[str, object] = {"state": AccountState.ACTIVE, "state_reason": None}
    settled = connection.execute(update(Account).where(*mine, *free).values(values)).rowcount
    held = select(col(Hold.account_id)).where(
        col(Hold.source) == source, col(Hold.account_id) > "", col(Hold.released_at).is_(None), _is_in_force(now)
    )
    missed = (col(Account.state) == AccountState.ACTIVE, col(Account.id).in_(held))
    connection.execute(update(Account).where(*mine, *missed).values(state=AccountState.PAUSED))
    return settled


def attention(connection: Connection, account_id: str, reason: str) -> bool:
    """Say that it cannot succeed until its user does something; returns whether its state changed."""
    can_be = col(Account.state).in_([AccountState.ACTIVE, AccountState.PAUSED])
    values: dict[str, object] = {"state": AccountState.ATTENTION, "state_reason": reason}
    return _changed(connection, account_id, values, can_be) is not None


def clear_attention(connection: Connection, account_id: str, *, now: datetime) -> bool:
    """Say that what was wrong is mended: it is due at once, or paused where it is held; False where nothing was."""
    values: dict[str, object] = {
        "state": case((_is_held(now), AccountState.PAUSED.value), else_=AccountState.ACTIVE.value),
        "state_reason": None,
        "failures": 0,
        "notified_state": None,
        "next_due_us": microseconds(now),
    }
    return _changed(connection, account_id, values, col(Account.state) == AccountState.ATTENTION) is not None


def _is_held(now: datetime) -> ColumnElement[bool]:
    """Whether a hold of the account itself is in force."""
    mine = (col(Hold.source) == col(Account.source), col(Hold.account_id) == col(Account.id))
    return exists().where(*mine, col(Hold.released_at).is_(None), _is_in_force(now))


def _is_in_force(now: datetime) -> ColumnElement[bool]:
    return or_(col(Hold.expires_at).is_(None), col(Hold.expires_at) > now)


def _changed(
    connection: Connection, account_id: str, values: Mapping[str, object], *conditions: ColumnElement[bool]
) -> Account | None:
    """The account as it is after the change; None where no such account fulfils the conditions."""
    statement = update(Account).where(col(Account.id) == account_id, *conditions).values(values)
    statement = statement.returning(Account).execution_options(synchronize_session=False)
    return Session(connection).scalar(statement)
