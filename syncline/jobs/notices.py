"""Telling users that an account of theirs needs them: once, by the URLs that they set for it."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import apprise
from sqlalchemy import Connection, select, update
from sqlmodel import Session, col

from syncline.jobs.notify_urls import is_private
from syncline.model.account import Account, AccountState
from syncline.store.engine import Store

__all__ = ["Notice", "send", "take", "tell_users"]

_log = logging.getLogger("syncline.jobs")
_AT_ONCE = 50


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What a user is told.

    Attributes:
        account_id: which of their accounts it is.
        source: what it is for.
        external_id: what its provider calls it.
        reason: why it needs them.
        urls: where they want to be told; secret.
    """

    account_id: str
    source: str
    external_id: str
    reason: str
    urls: tuple[str, ...] = field(repr=False)

    @property
    def title(self) -> str:
        """A line."""
        return f"Your account {self.external_id} needs attention"

    @property
    def body(self) -> str:
        """What has happened, and what to do."""
        return (
            f"It is no longer synced ({self.source}): {self.reason}. Mend that, and resume account {self.account_id}."
        )


def tell_users(store: Store, sources: Sequence[str], *, private_allowed: bool) -> int:
    """Send what users of these sources were not told yet, each once; returns how many notices were sent.

    One that cannot be delivered is not sent again: the account itself says what is wrong, wherever it is shown.
    """
    notices = store.transact(lambda connection: take(connection, sources))
    return sum(send(one, private_allowed=private_allowed) for one in notices)


def take(connection: Connection, sources: Sequence[str]) -> list[Notice]:
    """The next notices, 50 at most; they count as sent from now on, so that no other process sends them too."""
    known = AccountState.ATTENTION.value
    untold = col(Account.notified_state).is_distinct_from(known)
    wanted = select(Account).where(
        col(Account.source).in_(sources), col(Account.state) == AccountState.ATTENTION, untold
    )
    found: list[Notice] = []
    for account in Session(connection).scalars(wanted.limit(_AT_ONCE)).all():
        told = connection.execute(
            update(Account).where(col(Account.id) == account.id, untold).values(notified_state=known)
        ).rowcount
        urls = tuple(account.settings.get("notify_urls") or ())
        if told and urls:
            found.append(
                Notice(
                    account_id=account.id,
                    source=account.source,
                    external_id=account.external_id,
                    reason=(account.state_reason or "it cannot be read").rstrip("."),
                    urls=urls,
                )
            )
    return found


def send(notice: Notice, *, private_allowed: bool) -> bool:
    """Send it to each of its URLs; returns whether one of them took it. Nothing of a URL is logged."""
    teller: Any = apprise.Apprise()  # its methods are typed in part
    for url in notice.urls:
        if private_allowed or not _leads_inside(url):
            teller.add(url)
    try:
        taken = bool(len(teller)) and bool(teller.notify(title=notice.title, body=notice.body))
    except Exception as error:  # noqa: BLE001 - whatever a service's plugin does with the user's URL
        taken = False
        _log.warning("the user of account %s could not be told: %s", notice.account_id, type(error).__name__)
    if not taken:
        _log.warning("nobody took what the user of account %s was to be told", notice.account_id)
    return taken


def _leads_inside(url: str) -> bool:
    """Whether the name in a URL stands for an address of this machine or its networks, or for none."""
    host = urlsplit(url).hostname
    if not host:
        return False  # a service that has no host of the user's
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return True
    return any(is_private(str(address[4][0])) for address in found)
