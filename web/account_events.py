"""Listeners of accounts: one look at the database for all of them, while there are any."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from syncline.errors import StoreError
from syncline.jobs.account_changes import AccountEvent, Sight, between, look
from syncline.store.engine import Store

__all__ = ["AccountEvents", "Listener", "TooManyListenersError"]

_EVERY_SECONDS = 1.0
_MOST = 200
"""Listeners of all users: each is a connection, of which the app answers so many at once."""
_MOST_WAITING = 100
"""Events of one listener that reads none; older ones are dropped."""
_log = logging.getLogger(__name__)


class TooManyListenersError(Exception):
    """The user, or all users together, have as many streams open as there may be."""


@dataclass(eq=False)
class Listener:
    """Somebody who listens to one account.

    Attributes:
        account_id: the account.
        user_id: who listens.
        waiting: what happened and was not sent yet; None: the account was removed.
        sight: the account as the last look saw it; None: there was none yet.
    """

    account_id: str
    user_id: str
    waiting: asyncio.Queue[AccountEvent | None] = field(default_factory=lambda: asyncio.Queue(_MOST_WAITING))
    sight: Sight | None = None

    def see(self, now: Sight | None) -> None:
        """Take in what a look saw; None: the account is gone."""
        if now is None:
            self._tell(None)
        elif self.sight is not None:
            for event in between(self.account_id, self.sight, now):
                self._tell(event)
        self.sight = now or self.sight

    def _tell(self, event: AccountEvent | None) -> None:
        if self.waiting.full():
            self.waiting.get_nowait()
        self.waiting.put_nowait(event)


class AccountEvents:
    """Looks at the accounts that somebody listens to, once a second, and says what happened."""

    def __init__(self, store: Store, *, per_user: int, most: int = _MOST) -> None:
        """At most `per_user` listeners of each user, and `most` in all."""
        self._store = store
        self._per_user = per_user
        self._most = most
        self._listeners: set[Listener] = set()
        self._seen: Mapping[str, Sight] = {}
        self._looking: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()

    @property
    def count(self) -> int:
        """How many listen."""
        return len(self._listeners)

    @contextmanager
    def listening(self, account_id: str, user_id: str) -> Generator[Listener]:
        """Listen to an account from now on.

        Raises:
            TooManyListenersError: there are too many already.
        """
        of_user = sum(one.user_id == user_id for one in self._listeners)
        if of_user >= self._per_user or len(self._listeners) >= self._most:
            raise TooManyListenersError
        listener = Listener(account_id=account_id, user_id=user_id)
        self._listeners.add(listener)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_on())
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def look_once(self) -> None:
        """Look at all accounts that are listened to, and tell their listeners."""
        async with self._one_at_a_time:  # of two that saw the same before, both would tell it
            await self._look_and_tell()

    async def _look_and_tell(self) -> None:
        wanted = sorted({one.account_id for one in self._listeners})
        self._seen = await asyncio.to_thread(self._look, wanted)
        for listener in tuple(self._listeners):
            if listener.account_id in wanted:
                listener.see(self._seen.get(listener.account_id))

    async def _look_on(self) -> None:
        while self._listeners:
            try:
                await self.look_once()
            except StoreError as error:
                _log.warning("the accounts that are listened to could not be looked at: %s", error)
            await asyncio.sleep(_EVERY_SECONDS)

    def _look(self, account_ids: list[str]) -> Mapping[str, Sight]:
        with self._store.read() as connection:
            return look(connection, account_ids, self._seen)
