"""Services on the schedules of prefect.yaml, in a time that passes only while all of them sleep."""

import random
from collections.abc import Callable, Coroutine
from typing import Protocol

from deployments.schedules.file import read_deployments
from flows.registry import find
from support.contest import Contest
from support.virtual_time import VirtualTime
from syncline.model.session import Status

__all__ = ["Killed", "Run", "Scheduler", "services", "tweeting"]


class Killed(BaseException):
    """The process of a run is gone: nothing of it happens any more, not even the end of its session."""


class Run(Protocol):
    """A run of a service."""

    def __call__(self, *, retry: bool = False) -> Coroutine[None, None, Status]: ...


def services(contest: Contest) -> dict[str, Run]:
    """The four services by name."""

    async def freeze(*, retry: bool = False) -> Status:
        return await contest.freeze(retry=retry)

    return {
        "twitter_poller": contest.poll,
        "validate_entries": contest.validate,
        "fast_delete_sweep": contest.sweep,
        "freeze_coordinator": freeze,
    }


class Scheduler:
    """Runs services by the schedules of prefect.yaml, each with its jitter; what was deferred goes on at its time."""

    def __init__(self, contest: Contest, time: VirtualTime, *, for_seconds: float) -> None:
        self._contest, self._time, self._for_seconds = contest, time, for_seconds
        self._began = contest.clock.now().timestamp()

    async def ticks(self, name: str, run: Run) -> None:
        """Each tick begins a run, whether or not the one before has ended."""
        (schedule,) = next(one for one in read_deployments() if one.name == name).schedules
        assert schedule.interval is not None
        assert schedule.anchor_date is not None
        first = (schedule.anchor_date.timestamp() - self._began) % schedule.interval
        for number in range(int((self._for_seconds - first) // schedule.interval) + 1):
            due = self._began + first + number * schedule.interval
            jitter = random.Random(f"{name}{number}").uniform(0, find(name).jitter_seconds)  # noqa: S311 - no secret
            await self._sleep_until(due + jitter)
            self._time.begin(self._run(name, run))

    async def _run(self, name: str, run: Run, *, retry: bool = False) -> None:
        try:
            status = await run(retry=retry)
        except Killed:
            return
        if status is Status.DEFERRED:
            deferred = [one for one in self._contest.sessions(name) if one.status is Status.DEFERRED]
            retry_at = deferred[-1].retry_at
            assert retry_at is not None
            await self._sleep_until(retry_at.timestamp())
            await self._run(name, run, retry=True)

    async def _sleep_until(self, instant: float) -> None:
        await self._time.sleep(instant - self._contest.clock.now().timestamp())


async def tweeting(
    time: VirtualTime, act: Callable[[], object], *, for_seconds: float, every_seconds: float = 20
) -> None:
    """Something happens at X again and again."""
    for _ in range(int(for_seconds // every_seconds)):
        await time.sleep(every_seconds)
        act()
