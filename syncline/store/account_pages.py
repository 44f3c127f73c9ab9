"""Lists of accounts, page by page, the oldest first; each page reads an index, however many accounts there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice, product

from sqlalchemy import Connection, func, select
from sqlmodel import Session, col

from syncline.model.account import Account, AccountState

__all__ = ["VISIBLE", "AccountPage", "WantedAccounts", "page", "sources"]

VISIBLE = (AccountState.ACTIVE, AccountState.PAUSED, AccountState.ATTENTION)
"""The states of accounts that are listed; a removed one is only waiting for its rows to be deleted."""


@dataclass(frozen=True, kw_only=True)
class WantedAccounts:
    """Which accounts are wanted; what is None is not looked at.

    Attributes:
        source: those of one source.
        state: those in one state.
        user_id: those of one user.
    """

    source: str | None = None
    state: AccountState | None = None
    user_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class AccountPage:
    """Accounts in the order of their ids.

    Attributes:
        accounts: at most as many as were asked for.
        next_after: the id after which the next page begins; None: this is the last one.
    """

    accounts: Sequence[Account]
    next_after: str | None


def page(connection: Connection, wanted: WantedAccounts, *, limit: int, after: str = "") -> AccountPage:
    """The first `limit` accounts that are wanted, of those whose id comes after `after`."""
    if wanted.user_id is not None:
        parts = [_of_user(connection, wanted.user_id, wanted, limit=limit + 1, after=after)]
    else:
        named = sources(connection) if wanted.source is None else (wanted.source,)
        states = VISIBLE if wanted.state is None else (wanted.state,)
        parts = [
            _of_state(connection, source, state, limit=limit + 1, after=after)
            for source, state in product(named, states)
        ]
    found = list(islice(merge(*parts, key=lambda account: account.id), limit + 1))
    return AccountPage(accounts=found[:limit], next_after=found[limit - 1].id if len(found) > limit else None)


def sources(connection: Connection) -> tuple[str, ...]:
    """The sources that have accounts; each costs one look into an index, where DISTINCT would read all of it."""
    return tuple(_sources(connection))


def _sources(connection: Connection) -> Iterator[str]:
    name = connection.execute(select(func.min(col(Account.source)))).scalar()
    while name is not None:
        yield name
        name = connection.execute(select(func.min(col(Account.source))).where(col(Account.source) > name)).scalar()


def _of_user(
    connection: Connection, user_id: str, wanted: WantedAccounts, *, limit: int, after: str
) -> Sequence[Account]:
    states = VISIBLE if wanted.state is None else (wanted.state,)
    mine = select(Account).where(
        col(Account.user_id) == user_id, col(Account.id) > after, col(Account.state).in_(states)
    )
    if wanted.source is not None:
        mine = mine.where(col(Account.source) == wanted.source)
    return Session(connection).scalars(mine.order_by(col(Account.user_id), col(Account.id)).limit(limit)).all()


def _of_state(connection: Connection, source: str, state: AccountState, *, limit: int, after: str) -> Sequence[Account]:
    these = select(Account).where(col(Account.source) == source, col(Account.state) == state, col(Account.id) > after)
    ordered = these.order_by(col(Account.source), col(Account.state), col(Account.id))
    return Session(connection).scalars(ordered.limit(limit)).all()
