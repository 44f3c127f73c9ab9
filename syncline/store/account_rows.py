"""Accounts as drains read them: many by one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select
from sqlmodel import Session, col

from syncline.model.account import Account

__all__ = ["read_many"]


def read_many(connection: Connection, ids: Sequence[str]) -> Mapping[str, Account]:
    """The accounts with these ids; those that are gone are left out."""
    if not ids:
        return {}
    found = Session(connection).scalars(select(Account).where(col(Account.id).in_(ids)))
    return {account.id: account for account in found}
