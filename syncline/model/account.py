"""Accounts: one user's connection to a provider, such as a wallet or a calendar login."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import text
from sqlmodel import Field, Index

from syncline.model.columns import BigInt, JsonColumn, KeyText, choice
from syncline.model.row import Row
from syncline.model.target import Target

__all__ = ["Account", "AccountState"]


class AccountState(StrEnum):
    """Whether an account is kept up to date."""

    ACTIVE = "active"
    PAUSED = "paused"
    """A hold stops it: its user's own, or an operator's."""
    ATTENTION = "attention"
    """It cannot succeed until its user does something: a wrong address, credentials that were revoked."""
    REMOVED = "removed"
    """Its rows are being deleted; it goes with the last of them."""


_IS_DUE = text(f"state = '{AccountState.ACTIVE}' AND next_due_us IS NOT NULL")


class Account(Row, table=True):
    """One user's connection to a provider."""

    __tablename__ = "accounts"
    __table_args__ = (
        Index("ix_accounts_external", "source", "user_id", "external_id", unique=True),
        Index("ix_accounts_due", "source", "next_due_us", sqlite_where=_IS_DUE, postgresql_where=_IS_DUE),
        Index("ix_accounts_user", "user_id", "id"),
        Index("ix_accounts_state", "source", "state", "id"),
        Index("ix_accounts_wallet", "source", "external_id"),
    )

    id: str = Field(primary_key=True, sa_type=KeyText)
    """`acc_` and 24 hexadecimal digits; new ones come after old ones."""
    user_id: str
    source: str
    external_id: str
    """What the provider calls it: a wallet's address, a calendar login."""
    state: AccountState = Field(default=AccountState.ACTIVE, sa_type=choice(AccountState))
    state_reason: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict, sa_type=JsonColumn)
    """`syncline.jobs.account_settings.AccountSettings`, as JSON; what is not set is left out."""
    weight: float = 1
    """Its importance among others of its source, for adaptive freshness; activity raises it."""
    last_active_at: datetime | None = None
    last_synced_at: datetime | None = None
    """When its last job ended, however it ended."""
    last_success_at: datetime | None = None
    """When all that it has was last read."""
    next_due_us: int | None = Field(default=None, sa_type=BigInt)
    """When the sweep queues it next, in microseconds since 1970; None: never."""
    changes: float = 0
    """Changes that its syncs counted, decayed; over `exposure_days` they are its change rate."""
    exposure_days: float = 0
    """Days over which they were counted, decayed alike."""
    failures: int = 0
    """Jobs that failed since one ended well."""
    notified_state: str | None = None
    """The state that its user was last told of."""
    created_at: datetime
    version: int = Field(default=1, sa_type=BigInt)
    """Rises with each change by a person; a change that was made from an older version is refused."""

    @property
    def target(self) -> Target:
        """What its sessions, holds and checkpoints are about."""
        return Target(self.source, self.id)
