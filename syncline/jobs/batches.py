"""Claims under way: each is a task that has its source's connector do what was claimed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from syncline.clock import Clock, microseconds
from syncline.errors import DeferredError, RateLimitedError, SynclineError
from syncline.jobs.verdict import AccountEnd
from syncline.jobs.work import AccountSync, Ended, Work
from syncline.model.account import AccountState
from syncline.model.session import Status
from syncline.store.job_claims import Claimed

__all__ = ["Batches", "failed"]


class Batches:
    """What a drain has under way; ends come out of `ended`, in the order in which they come."""

    def __init__(
        self,
        connectors: Mapping[str, AccountSync],
        *,
        on_batch: Callable[[str, Sequence[Ended]], None],
        seconds: float,
        clock: Clock,
    ) -> None:
        """A claim that takes longer than `seconds` is ended; `on_batch` hears how each went."""
        self.ended = asyncio.Queue[Ended]()
        self._connectors, self._on_batch = connectors, on_batch
        self._seconds, self._clock = seconds, clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: dict[int, Claimed] = {}
        self._changed = asyncio.Event()

    @property
    def under_way(self) -> int:
        """How many jobs were begun whose end is not written yet."""
        return len(self._held)

    @property
    def held(self) -> list[Claimed]:
        """Those jobs."""
        return list(self._held.values())

    def keep(self, works: Sequence[Work]) -> None:
        """Hold the jobs of `works` without doing them: they are given back."""
        self._held |= {work.job.id: work.job for work in works}

    def begin(self, source: str, works: Sequence[Work]) -> None:
        """Have the source's connector do `works`."""
        self._held |= {work.job.id: work.job for work in works}
        task = asyncio.create_task(self._do(source, works))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def written(self, jobs: Sequence[Claimed]) -> None:
        """Their ends are on record."""
        for job in jobs:
            known = self._held.get(job.id)
            if known is not None and known.fence == job.fence:  # it may have been claimed anew after its lease expired
                del self._held[job.id]
        self._changed.set()

    async def room(self, *, below: int) -> None:
        """Wait until fewer than `below` jobs are under way."""
        while self.under_way >= below:
            self._changed.clear()
            await self._changed.wait()

    async def stop(self, seconds: float) -> None:
        """Wait so long for what is under way, then cancel it."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=1)

    async def _do(self, source: str, works: Sequence[Work]) -> None:
        """Each of `works` comes to one end, whatever the connector does."""
        began_us = self._now_us()
        left = {work.job.id: work for work in works}
        ends: list[Ended] = []

        def take(ended: Ended) -> None:
            if left.pop(ended.end.job.id, None) is not None:
                ends.append(ended)
                self.ended.put_nowait(ended)

        for work in works:
            if work.account.state is not AccountState.ACTIVE:
                take(_stopped(work, began_us))
        problem = await self._sync(source, list(left.values()), take) if left else None
        for work in list(left.values()):
            assert problem is not None
            take(failed(work, problem, began_us=began_us, ended_us=self._now_us()))
        self._on_batch(source, ends)

    async def _sync(self, source: str, works: Sequence[Work], take: Callable[[Ended], None]) -> Exception:
        """Have the connector do `works`; returns what befell those of which it gives no end."""
        limit = asyncio.timeout(self._seconds)
        try:
            async with limit:
                async for ended in self._connectors[source].sync(works):
                    take(ended)
        except Exception as error:  # noqa: BLE001 - it is the end of each account that has none yet
            too_long = TimeoutError(f"the sync took longer than {self._seconds:g} s")
            return too_long if limit.expired() else error
        return RuntimeError(f"the connector of {source} gave no end for this account")

    def _now_us(self) -> int:
        return microseconds(self._clock.now())


def failed(work: Work, error: Exception, *, began_us: int, ended_us: int) -> Ended:
    """The end of an account whose sync raised `error`: deferred where an upstream or a budget asks to wait."""
    said = str(error) or type(error).__name__
    if isinstance(error, DeferredError | RateLimitedError):
        end = AccountEnd(
            job=work.job,
            status=Status.DEFERRED,
            began_us=began_us,
            ended_us=ended_us,
            reason=said,
            retry_at_us=None if error.retry_at is None else microseconds(error.retry_at),
        )
        return Ended(account=work.account, end=end)
    end = AccountEnd(
        job=work.job,
        status=Status.FAILED,
        began_us=began_us,
        ended_us=ended_us,
        reason=said if isinstance(error, SynclineError | TimeoutError) else f"{type(error).__name__}: {said}",
        error_type=type(error).__name__,
        error_message=said,
    )
    return Ended(account=work.account, end=end)


def _stopped(work: Work, now_us: int) -> Ended:
    """The end of an account that was paused, set aside or removed after its job was queued."""
    account = work.account
    reason = f"the account is {account.state}" + (f": {account.state_reason}" if account.state_reason else "")
    end = AccountEnd(job=work.job, status=Status.SKIPPED, began_us=now_us, ended_us=now_us, reason=reason)
    return Ended(account=account, end=end)
