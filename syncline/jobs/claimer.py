"""Claiming for a drain: what is due and may be done now, fairly by lane and by user."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection

from syncline.clock import microseconds
from syncline.jobs.crashes import record_crashes
from syncline.jobs.due import Freshness
from syncline.jobs.lanes import Blocks, Floors, Turns, by_priority, per_user
from syncline.jobs.verdict import PAUSE_US
from syncline.jobs.work import Ended, Work
from syncline.model.policies import Priority
from syncline.model.session import Status
from syncline.store import job_claims, job_ends
from syncline.store.account_rows import read_many
from syncline.store.engine import Store

__all__ = ["Claimer"]

_LOOK_AGAIN_SECONDS = 15.0
"""So long a drain sleeps at most: then it looks for jobs of dead drains, and for what no bell told of."""
_US = 1_000_000


class Claimer:
    """Claims for one drain; its calls block, and are made one after the other."""

    def __init__(
        self,
        store: Store,
        sources: Sequence[str],
        policies: Mapping[str, Freshness],
        *,
        owner: str,
        slot: int,
        lease_seconds: float,
        priorities: Sequence[Priority],
        open_sources: Callable[[Sequence[str]], Sequence[str]],
    ) -> None:
        """Claim from the lanes of `sources`; arguments as of `syncline.jobs.drain.Drain`."""
        self.sleep_seconds = 0.0
        """How long nothing is due, as far as the last claim saw."""
        self._store, self._sources, self._policies = store, sources, policies
        self._owner, self._slot, self._lease_seconds = owner, slot, lease_seconds
        self._priorities, self._open_sources = tuple(priorities), open_sources
        self._turns, self._floors, self._blocks = Turns(), Floors(), Blocks()

    def claim(self, count: int) -> tuple[list[Work], int]:
        """Claim up to `count` due jobs, each with its account; and queue again what dead drains had.

        Returns:
            What was claimed, and how many jobs of dead drains were queued again.

        Raises:
            DatabaseUnavailableError: the database is away.
        """
        sources = self._open_sources(self._sources)
        due, must_reap = self._look(sources)
        crashed = self._store.transact(self._reap) if must_reap else 0
        if crashed or (not due and self._floors.forget()):
            due, _ = self._look(sources)  # something may be queued for an instant that has long passed
        if count == 0 or not due:
            return [], crashed
        return self._store.transact(lambda connection: self._take(connection, due, count)), crashed

    def _look(self, sources: Sequence[str]) -> tuple[list[job_claims.Lane], bool]:
        """The lanes in which something is due, and whether a drain has died; sets how long there is nothing to do."""
        with self._store.read() as connection:
            now_us = microseconds(self._store.now(connection))
            lanes = job_claims.due_lanes(connection, sources, floors=self._floors.known(now_us))
            must_reap = job_claims.has_expired(connection, now_us=now_us)
        self._floors.learn(lanes, now_us)
        opens = {lane: self._blocks.opens_us(lane, now_us) for lane in by_priority(lanes, self._priorities)}
        next_us = min(opens.values(), default=now_us + round(_LOOK_AGAIN_SECONDS * _US))
        self.sleep_seconds = min(_LOOK_AGAIN_SECONDS, max(0.0, (next_us - now_us) / _US))
        return [lane for lane, opens_us in opens.items() if opens_us <= now_us], must_reap

    def _reap(self, connection: Connection) -> int:
        now = self._store.now(connection)
        reaped = job_claims.reap(connection, now_us=microseconds(now))
        record_crashes(connection, reaped, policies=self._policies, now=now, slot=self._slot)
        return len(reaped)

    def _take(self, connection: Connection, due: Sequence[job_claims.Lane], count: int) -> list[Work]:
        now_us = microseconds(self._store.now(connection))
        jobs = self._claimed(connection, due, count, now_us)
        accounts = read_many(connection, [job.account_id for job in jobs])
        gone = [job for job in jobs if job.account_id not in accounts]
        job_ends.finish(connection, gone, now_us=now_us)  # removed, with all it had
        return [Work(job=job, account=accounts[job.account_id]) for job in jobs if job.account_id in accounts]

    def _claimed(
        self, connection: Connection, due: Sequence[job_claims.Lane], count: int, now_us: int
    ) -> list[job_claims.Claimed]:
        """Up to `count` jobs; a user's share is bounded, unless there is nobody else to work for."""
        jobs: list[job_claims.Claimed] = []
        served: dict[str, int] = {}

        def take(lane: job_claims.Lane, most: int, share: int) -> None:
            if len(jobs) < count:
                jobs.extend(
                    job_claims.claim(
                        connection,
                        lane,
                        min(most, count - len(jobs)),
                        owner=self._owner,
                        now_us=now_us,
                        lease_us=now_us + round(self._lease_seconds * _US),
                        per_user=share,
                        served=served,
                    )
                )

        for lane, most in self._turns.order(due, count):
            take(lane, most, per_user(count))
        if max(served.values(), default=0) >= per_user(count):
            for lane in due:
                take(lane, count, count)
        return jobs

    def note(self, ends: Sequence[Ended]) -> None:
        """Learn from ends that were written which lanes have to wait."""
        for end in (one.end for one in ends):
            goes_on_us = end.ended_us + PAUSE_US if end.retry_at_us is None else end.retry_at_us
            self._blocks.note(
                end.job.source,
                end.job.priority,
                goes_on_us=goes_on_us if end.status is Status.DEFERRED else None,
                ended_us=end.ended_us,
            )
