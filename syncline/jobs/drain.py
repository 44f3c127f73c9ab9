"""A drain: claims jobs that are due, has their source's connector do them, and writes how they ended.

It is resident and woken at once. What it holds is kept by a lease; told to stop, it finishes or gives back within
seconds; killed, its jobs are taken over when the lease has expired.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from syncline.clock import microseconds
from syncline.errors import DatabaseUnavailableError
from syncline.jobs.batches import Batches
from syncline.jobs.claimer import Claimer
from syncline.jobs.due import Freshness
from syncline.jobs.finish import Finished, Intervals
from syncline.jobs.work import AccountSync, Ended
from syncline.jobs.writer import Writer
from syncline.model.policies import Priority
from syncline.model.session import Status
from syncline.store import job_claims, job_ends
from syncline.store.engine import Store
from syncline.store.job_wake import Bell

__all__ = ["Drain", "DrainLimits", "Drained"]

_US = 1_000_000


@dataclass(frozen=True, kw_only=True)
class DrainLimits:
    """How much a drain takes on.

    Attributes:
        claim: how many jobs it claims at once while little is due.
        most_claimed: how many while more is due than it can do: the claim doubles up to it.
        under_way: how many it holds at most.
        lease_seconds: after so long without a sign of life its jobs are taken over.
        stop_seconds: told to stop, it waits so long for what is under way; the rest is given back.
        batch_seconds: the longest that one claim may take; whatever hangs holds its accounts no longer.
        away_seconds: the pause after the database was away.
    """

    claim: int = 10
    most_claimed: int = 100
    under_way: int = 400
    lease_seconds: float = 60
    stop_seconds: float = 7
    batch_seconds: float = 120
    away_seconds: float = 1


@dataclass(kw_only=True)
class Drained:
    """What a drain did; it grows while the drain lives.

    Attributes:
        outcomes: how many jobs had which outcome.
        claims: how many claims brought jobs.
        late: how many ends came late.
        crashed: how many jobs of dead drains it queued again.
        given_back: how many it gave back as it stopped.
    """

    outcomes: dict[Status, int] = field(default_factory=dict[Status, int])
    claims: int = 0
    late: int = 0
    crashed: int = 0
    given_back: int = 0

    @property
    def jobs(self) -> int:
        """How many ended."""
        return sum(self.outcomes.values())


class Drain:
    """Drains the jobs of some sources in one process; several on one database share the work."""

    def __init__(
        self,
        store: Store,
        connectors: Mapping[str, AccountSync],
        policies: Mapping[str, Freshness],
        *,
        owner: str,
        bell: Bell,
        limits: DrainLimits | None = None,
        priorities: Sequence[Priority] = tuple(Priority),
        slot: int = 0,
        open_sources: Callable[[Sequence[str]], Sequence[str]] = lambda sources: sources,
        on_batch: Callable[[str, Sequence[Ended]], None] = lambda _source, _ended: None,
        intervals: Intervals | None = None,
    ) -> None:
        """Drain the sources that `connectors` name; `owner` tells this drain from all that ever were.

        `open_sources` leaves out those from which nothing may be claimed now: their breaker is open, or a hold stops
        them. It is asked before each claim, in a thread. `on_batch` hears how each claim went.
        """
        self.done = Drained()
        self._store, self._connectors = store, connectors
        self._bell = bell
        self._limits = limits or DrainLimits()
        self._size = self._limits.claim
        self._claimer = Claimer(
            store,
            list(connectors),
            policies,
            owner=owner,
            slot=slot,
            lease_seconds=self._limits.lease_seconds,
            priorities=priorities,
            open_sources=open_sources,
        )
        self._batches = Batches(connectors, on_batch=on_batch, seconds=self._limits.batch_seconds, clock=store.clock)
        self._writer = Writer(
            store,
            policies,
            slot=slot,
            intervals=intervals,
            patience_seconds=self._limits.lease_seconds,
            pause_seconds=self._limits.away_seconds,
        )

    @property
    def under_way(self) -> int:
        """How many jobs it holds."""
        return self._batches.under_way

    async def run(self, stopping: asyncio.Event) -> Drained:
        """Drain until `stopping` is set; then end what is under way, or give it back."""

        async def work() -> None:
            while not stopping.is_set():
                await self._turn(stopping)

        return await self._attended(work())

    async def run_dry(self) -> Drained:
        """Drain until nothing is due and nothing is under way."""

        async def work() -> None:
            while await self._claim() or self._batches.under_way:
                await self._batches.room(below=1)

        return await self._attended(work())

    async def _attended(self, work: Coroutine[Any, Any, None]) -> Drained:
        """Do `work` while others write ends and keep leases; where one of these fails, so does the drain."""
        tasks = [
            asyncio.ensure_future(one)
            for one in (work, self._keep_leases(), self._writer.write(self._batches, self._note))
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await self._end(tasks)
        return self.done

    async def _end(self, tasks: Sequence[asyncio.Future[None]]) -> None:
        """Finish what is under way, or give it back."""
        tasks[0].cancel()
        await self._batches.stop(self._limits.stop_seconds)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._batches.ended.join(), 2)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._give_back)

    async def _turn(self, stopping: asyncio.Event) -> None:
        """Claim what is due; where nothing is, or there is no room, wait for that."""
        try:
            claimed = await self._claim()
        except DatabaseUnavailableError:
            await _either(stopping.wait(), asyncio.sleep(self._limits.away_seconds))
            return
        if not self._room:
            await _either(stopping.wait(), self._batches.room(below=self._limits.under_way))
        elif not claimed:
            await _either(stopping.wait(), self._bell.wait(self._claimer.sleep_seconds))

    @property
    def _room(self) -> int:
        return max(0, self._limits.under_way - self._batches.under_way)

    async def _claim(self) -> int:
        """Claim once and begin what was claimed; returns how many jobs that were."""
        wanted = min(self._size, self._room)
        claiming = asyncio.ensure_future(asyncio.to_thread(self._claimer.claim, wanted))
        try:
            works, crashed = await asyncio.shield(claiming)
        except asyncio.CancelledError:
            while not claiming.done():  # the thread goes on, however often this is cancelled
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({claiming})
            if claiming.exception() is None:
                self._batches.keep(claiming.result()[0])  # it is given back
            raise
        self.done.crashed += crashed
        if works:
            self.done.claims += 1
            for source in sorted({work.job.source for work in works}):
                self._batches.begin(source, [work for work in works if work.job.source == source])
        self._size = min(self._limits.most_claimed, 2 * self._size) if len(works) >= wanted else self._limits.claim
        return len(works)

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(self._limits.lease_seconds / 3)
            with suppress(DatabaseUnavailableError):  # the next one may be in time
                await asyncio.to_thread(self._renew, self._batches.held)

    def _renew(self, held: Sequence[job_claims.Claimed]) -> None:
        if held:
            lease_us = microseconds(self._store.clock.now()) + round(self._limits.lease_seconds * _US)
            self._store.transact(lambda connection: job_claims.renew(connection, held, lease_us=lease_us))

    def _note(self, ends: Sequence[Ended], finished: Finished) -> None:
        for status, number in finished.outcomes.items():
            self.done.outcomes[status] = self.done.outcomes.get(status, 0) + number
        self.done.late += finished.late
        self._claimer.note(ends)

    def _give_back(self) -> None:
        held = self._batches.held
        if held:
            now_us = microseconds(self._store.clock.now())
            with suppress(DatabaseUnavailableError):  # their leases expire
                self.done.given_back += self._store.transact(
                    lambda connection: job_ends.give_back(connection, held, now_us=now_us)
                )


async def _either(*waits: Coroutine[Any, Any, Any]) -> None:
    """Wait until one of these is done; the others are cancelled."""
    tasks = [asyncio.ensure_future(one) for one in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
