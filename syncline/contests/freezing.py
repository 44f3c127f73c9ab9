"""Freezing a round: every entry is checked for the last time, then the snapshot is made, which never changes again."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from syncline.contests import entries, rounds, snapshots
from syncline.contests.checking import Checks
from syncline.contests.snapshots import snapshot_of
from syncline.contests.tables import Entry, Round, RoundStatus, Snapshot
from syncline.contests.verdicts import SECOND_LOOK_AFTER
from syncline.errors import ConfigurationError, DeferredError
from syncline.model.session import Tally
from syncline.store import heartbeats, sessions

__all__ = ["BATCH", "PAUSE_SECONDS", "FreezeProgress", "freeze"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FreezeProgress:
    """How far a freeze is.

    Attributes:
        round_number: the round.
        checked: how many entries were checked for the snapshot, those of earlier runs included.
        total: how many there are.
        batch: the number of the last batch in this run, from 1.
        batches_left: how many are left.
        batch_seconds: how long the last batch took, its waits included.
        seconds_left: how long the rest will take, if it goes on as in this run.
    """

    round_number: int
    checked: int
    total: int
    batch: int
    batches_left: int
    batch_seconds: float
    seconds_left: float

    @property
    def percent(self) -> float:
        """How much is done, 0 to 100."""
        return 100.0 * self.checked / self.total if self.total else 100.0

    @property
    def sentence(self) -> str:
        """How far it is, in words, with the timing of the last batch."""
        batch = f"batch {self.batch} of {self.batch + self.batches_left} took {self.batch_seconds:.2f} s"
        done = f"{self.checked:,} of {self.total:,} entries checked ({self.percent:.0f} %)"
        return f"round {self.round_number}: {done}; {batch}; about {timedelta(seconds=round(self.seconds_left))} left"


BATCH = 50
"""How many entries are looked up at once."""
PAUSE_SECONDS = 1.0
"""How long is waited between two batches."""
_NAMED = 10
"""So many entries that could not be checked are named in one line."""


@dataclass(frozen=True, kw_only=True)
class _Made:
    """A snapshot that is not kept yet, and how its entries stood when it was made."""

    state: entries.RoundState
    snapshot: Snapshot


@dataclass(kw_only=True)
class _Freeze:
    """One run of a freeze."""

    checks: Checks
    number: int
    pushes: bool
    on_batch: Callable[[FreezeProgress], Awaitable[None]] | None
    total: int = 0
    checked: int = 0
    batches: int = 0
    seconds: float = 0

    async def run(self) -> str | None:
        """Check what is left, and freeze the round; returns why it could not be frozen."""
        begun = await asyncio.to_thread(self._begun)
        if begun.status is RoundStatus.FROZEN:
            return None
        doubted = await self._check_all()
        if doubted:
            await self._wait_until(max(doubted) + SECOND_LOOK_AFTER)
            await self._check_all()
        return await asyncio.to_thread(self._ended)

    def _begun(self) -> Round:
        """The round, which takes no more entries from now on; the next one takes them."""
        with self.checks.store.write() as connection:
            now = self.checks.store.clock.now()
            rounds.begin_freezing(connection, self.number, now=now)
            found = rounds.find(connection, self.number)
            if found is None:
                message = f"there is no round {self.number}: `syncline rounds list` shows those that there are"
                raise ConfigurationError(message)
            rounds.roll(connection, now=now, every_seconds=None)
            self.total = entries.count(connection, self.number)
            self.checked = entries.count(connection, self.number, finally_checked=True)
        return found

    async def _check_all(self) -> list[datetime]:
        """Check all that are not checked yet, once; returns since when those are missing that are still in doubt."""
        doubted: list[datetime] = []
        left = self.total - self.checked
        batch = await asyncio.to_thread(self._behind, "")
        while batch:
            began, left = self.checks.store.clock.now(), left - len(batch)
            found = await self.checks.check(batch, batches_left=math.ceil(left / BATCH))
            doubted += [one.missing_since for one in found if one.missing_since is not None]
            self.checked += sum(one.is_final for one in found)
            await self._tell(began, left)
            batch = await asyncio.to_thread(self._behind, batch[-1].tweet_id)
            if batch:
                await self.checks.sleep(PAUSE_SECONDS)
        return doubted

    def _behind(self, tweet_id: str) -> Sequence[Entry]:
        """The next batch."""
        with self.checks.store.read() as connection:
            return entries.not_finally_checked(connection, self.number, BATCH, after=tweet_id)

    async def _tell(self, began: datetime, left: int) -> None:
        took_seconds = (self.checks.store.clock.now() - began).total_seconds()
        self.batches, self.seconds = self.batches + 1, self.seconds + took_seconds + PAUSE_SECONDS
        batches_left = math.ceil(left / BATCH)
        progress = FreezeProgress(
            round_number=self.number,
            checked=self.checked,
            total=self.total,
            batch=self.batches,
            batches_left=batches_left,
            batch_seconds=took_seconds,
            seconds_left=batches_left * self.seconds / self.batches,
        )
        if self.on_batch is not None:
            await self.on_batch(progress)

    async def _wait_until(self, instant: datetime) -> None:
        """Wait for the second look, if that is soon."""
        store = self.checks.store
        wait_seconds = (instant - store.clock.now()).total_seconds()
        if wait_seconds > self.checks.source.patience_seconds:
            reason = f"round {self.number}: most of a batch was missing without a word, which wants a second look"
            raise DeferredError(reason, retry_at=instant)
        name, now = self.checks.source.name, store.clock.now()
        beat = partial(heartbeats.waiting, source=name, reason="a second look", until=instant, now=now)
        heartbeats.note(store, beat)
        await self.checks.sleep(max(0.0, wait_seconds))

    def _ended(self) -> str | None:
        """Make the snapshot where all entries were checked; else say which were not.

        It is put together before the transaction that keeps it, which others would wait for: of 100,000 entries that
        takes seconds. Where entries changed meanwhile, it is put together anew.
        """
        while True:
            made = self._made()
            if self.checks.store.transact(partial(self._kept, made)):
                return made if isinstance(made, str) else None

    def _made(self) -> _Made | str:
        """The snapshot as it would be now; else why there can be none."""
        store, number = self.checks.store, self.number
        with store.read() as connection:
            state, one = entries.state_of(connection, number), rounds.find(connection, number)
            if state.unchecked:
                return self._said_of(state.unchecked, entries.not_finally_checked(connection, number, _NAMED))
            assert one is not None, "looked up when the freeze began, and rounds are never deleted"
            found = entries.of_round(connection, number)
        return _Made(state=state, snapshot=snapshot_of(one, found, now=store.clock.now()))

    def _kept(self, made: _Made | str, connection: Connection) -> bool:
        """Keep what was made, or why nothing was; False if it is not true any more."""
        session_id, number = self.checks.session_id, self.number
        if isinstance(made, str):
            sessions.note_reason(connection, session_id, made)
            return True
        one = rounds.find(connection, number, locked=True)
        sessions.advance(connection, session_id, Tally())
        if one is None or one.status is not RoundStatus.FREEZING:
            return True
        if entries.state_of(connection, number) != made.state:
            return False
        now = made.snapshot.created_at
        snapshots.add(connection, made.snapshot)
        rounds.set_frozen(connection, number, now=now, push_at=now if self.pushes else None)
        return True

    def _said_of(self, left: int, some: Sequence[Entry]) -> str:
        named = ", ".join(f"{one.tweet_id} ({self.checks.unclear.get(one.tweet_id, 'missing')})" for one in some)
        more = f" and {left - len(some):,} more" if left > len(some) else ""
        return (
            f"round {self.number} is not frozen: {left:,} of {self.total:,} entries could not be checked: {named}{more}"
        )


async def freeze(
    checks: Checks,
    number: int,
    *,
    pushes: bool = False,
    on_batch: Callable[[FreezeProgress], Awaitable[None]] | None = None,
) -> str | None:
    """Freeze a round: from now on it takes no entries; all that it has are checked once more, and its snapshot is made.

    What was checked is stored batch by batch: a run that was interrupted continues after it. A round that is frozen
    already stays as it is.

    Args:
        checks: what checks the entries, for the snapshot (`final`).
        number: the round.
        pushes: whether the snapshot is to be sent as a webhook.
        on_batch: called after each batch.

    Returns:
        Why the round could not be frozen, which the session then says too; None if it is frozen.

    Raises:
        ConfigurationError: there is no such round.
        UpstreamError: X failed; what came before is stored.
        DeferredError: a hold, a rate limit, the budget or a second look must be waited for too long.
        SessionLostError: the session was closed or taken over.
    """
    return await _Freeze(checks=checks, number=number, pushes=pushes, on_batch=on_batch).run()
