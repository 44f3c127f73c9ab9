"""Whose account it is: a user finds only their own ones, an operator all; and how often a user may call."""

import math
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, HTTPException, Path, Query
from fastapi.params import Depends as DependsOn

from syncline.errors import UnknownAccountError
from syncline.jobs import registration
from syncline.jobs.account_report import AccountReport, read_report
from syncline.kernel_settings import AccountsSettings
from syncline.model.account import Account
from syncline.store import accounts
from web.api.cursors import PLAIN
from web.api.guard import Calling
from web.context import Context, Here
from web.tokens import Caller, Role

__all__ = ["AccountId", "Limit", "Theirs", "Word", "is_operator", "limited", "of_user", "report_of"]

AccountId = Annotated[str, Path(max_length=100, pattern=PLAIN, description="its id: acc_ and 24 digits")]
Word = Annotated[str | None, Query(max_length=200, pattern=PLAIN)]
Limit = Annotated[int, Query(ge=1, le=200)]


def is_operator(caller: Caller) -> bool:
    """Whether all accounts are the caller's business."""
    return caller.role is Role.OPERATOR


def of_user(caller: Caller, user_id: str | None) -> str | None:
    """The user whose accounts are meant; None: all users'.

    Raises:
        HTTPException: a user names another one (403).
    """
    if is_operator(caller):
        return user_id
    if user_id not in {None, caller.subject}:
        raise HTTPException(403, "user_id: only an operator may name another user; leave it out")
    return caller.subject


def _theirs(account_id: AccountId, here: Here, caller: Calling) -> Account:
    """The account of the path; another user's is as unknown as one that does not exist.

    Raises:
        UnknownAccountError: the caller has none of this id.
    """
    with here.store.read() as connection:
        found = accounts.find(connection, account_id, user_id=of_user(caller, None))
    if found is None:
        raise UnknownAccountError(account_id)
    return found


Theirs = Annotated[Account, Depends(_theirs)]
"""The account that the path names, if the caller may see it."""


def report_of(account: Account, here: Context) -> AccountReport:
    """The account as it stands."""
    kind = registration.kind_of(here.source(account.source))
    with here.store.read() as connection:
        return read_report(connection, account, now=here.store.clock.now(), kind=kind, settings=here.settings)


def limited(kind: str, per_minute: Callable[[AccountsSettings], int]) -> DependsOn:
    """Refuses a user who calls more often than the settings allow (429); operators are not counted."""

    def check(here: Here, caller: Calling) -> None:
        if is_operator(caller):
            return
        most = per_minute(here.settings.accounts)
        wait = math.ceil(here.rates.seconds_to_wait(caller.subject, kind, per_minute=most))
        if wait:
            message = f"{most} such calls in a minute are enough: try again in {wait} seconds"
            raise HTTPException(429, message, headers={"Retry-After": str(wait)})

    return DependsOn(check)
