"""Waiting inside a run for a hold or a rate limit that ends within the source's patience."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from syncline.errors import DeferredError, RateLimitedError
from syncline.model.policies import Backoff
from syncline.model.source import Source
from syncline.model.tables import Hold
from syncline.model.target import Target
from syncline.store import heartbeats, holds, sessions
from syncline.store.engine import Store
from syncline.upstreams.budgeted import wait_looking

__all__ = ["Waiting"]

_HOLD_POLL_SECONDS = 0.5
_PAUSES = Backoff(initial=5, maximum=3_600, jitter=0)
"""The waits after rate limits, one after the other, for which the upstream gave no time."""
_RATE_LIMIT = "rate limit"
_DOUBLED_BY_A_RUN = 3
"""A run that was deferred for a rate limit counts as so many doublings of the next run's wait."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Waits for holds and rate limits; the heartbeat says meanwhile for what. `sleep` takes seconds."""

    store: Store
    source: Source
    account_id: str = ""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def for_holds(self) -> None:
        """Wait while a short hold is in force.

        Raises:
            DeferredError: it lasts longer than the source's patience.
        """
        waited_until = self.store.clock.now() + timedelta(seconds=self.source.patience_seconds)
        while True:
            now = self.store.clock.now()
            hold = self._hold(now) if self.store.is_sqlite else await asyncio.to_thread(self._hold, now)
            if hold is None:
                return
            if now >= waited_until or hold.expires_at is None or hold.expires_at > waited_until:
                raise DeferredError(f"paused: {hold.reason}", retry_at=hold.expires_at, held=True)
            self._beat(f"paused: {hold.reason}", hold.expires_at)
            await self.sleep(_HOLD_POLL_SECONDS)

    async def backoff_for(self, error: RateLimitedError, times: int) -> None:
        """Wait until the time that the upstream gave, or by backoff if it gave none; it refused us `times` in a row.

        Without a time, as for a cap that is spent for the month, the wait also grows from run to run. A hold that is
        placed meanwhile is noticed within a second.

        Raises:
            DeferredError: the wait, or that of a hold, is longer than the source's patience.
        """
        now = self.store.clock.now()
        named = error.retry_at if error.retry_at is not None and error.retry_at > now else None
        until = named or now + self._pause(times)
        wait_seconds = (until - now).total_seconds()
        if wait_seconds > self.source.patience_seconds:
            raise DeferredError(f"{_RATE_LIMIT}: {error}", retry_at=until) from error
        self._beat(_RATE_LIMIT, until)
        await wait_looking(self.sleep(max(0, wait_seconds)), self.for_holds)
        await self.for_holds()

    @property
    def _target(self) -> Target:
        return self.source.target(self.account_id)

    def _hold(self, now: datetime) -> Hold | None:
        with self.store.read() as connection:
            return holds.active(connection, self._target, now=now)

    def _pause(self, times: int) -> timedelta:
        with self.store.read() as connection:
            runs = sessions.deferred_in_a_row(connection, self._target, reason=_RATE_LIMIT)
        return timedelta(seconds=_PAUSES.grown_seconds(times + _DOUBLED_BY_A_RUN * runs))

    def _beat(self, reason: str, until: datetime | None) -> None:
        beat = partial(heartbeats.waiting, target=self._target, reason=reason, until=until, now=self.store.clock.now())
        heartbeats.note(self.store, beat)
