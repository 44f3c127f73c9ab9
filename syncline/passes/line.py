"""The line before a source: who waits, in which order, and whether a late run joins it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlalchemy import Connection

from syncline.model.policies import CatchUp
from syncline.model.records import QueuedRun
from syncline.model.session import Trigger
from syncline.model.source import Source
from syncline.passes.due import Due, Wait, lease_name
from syncline.passes.ticks import late_seconds
from syncline.store import queue, sessions
from syncline.store.leases import Process

__all__ = ["Line"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """The line as one run sees it, inside a transaction in which nobody else can join."""

    connection: Connection
    source: Source
    due: Due
    place: Wait | None
    now: datetime

    @property
    def tick(self) -> datetime:
        """What the run's place goes by: when it was due, else when it came."""
        if self.place is not None:
            return self.place.tick
        if self._kept is not None:
            return self._kept.tick
        return self.due.scheduled_for or self.now

    @cached_property
    def scheduled_for(self) -> datetime | None:
        """The tick of the schedule that the run answers, also where it goes on for one that was deferred."""
        if self.due.scheduled_for is not None or self.due.goes_on_for is None or not self.catches_up:
            return self.due.scheduled_for
        earlier = sessions.find(self.connection, self.due.goes_on_for)
        return None if earlier is None else earlier.scheduled_for

    @cached_property
    def catches_up(self) -> bool:
        """Whether it is one of several late runs that all have their turn, or comes while such ones wait."""
        if self.source.catch_up is not CatchUp.ALL:
            return False
        if self.place is not None:
            return self.place.catches_up
        if self._kept is not None:
            return True
        is_late = late_seconds(self.source, self.due.scheduled_for, self.now) is not None
        return is_late or (self.due.scheduled_for is not None and bool(self._waiting))

    def first_before(self, session_id: str) -> str | None:
        """The session that goes before this one; None where it is its turn.

        Late runs mind the places of those that were deferred; all others only whoever is there and waits.
        """
        others = [row for row in self._waiting if row.session_id not in {session_id, self.due.goes_on_for}]
        there = others if self.catches_up else [row for row in others if queue.is_here(row)]
        joined = self.catches_up or self.place is not None
        before = [row for row in there if not joined or (row.tick, row.session_id) < (self.tick, session_id)]
        return before[0].session_id if before else None

    def keeps(self, session_id: str) -> bool:
        """Whether the place of the deferred session is kept."""
        return any(row.session_id == session_id for row in self._waiting)

    def join(self, session_id: str, process: Process) -> None:
        """Take a place, or hold on to it."""
        self._leave_kept()
        queue.join(self.connection, self._name, session_id, tick=self.tick, process=process, now=self.now)

    def step_out(self, session_id: str, *, back_at: datetime) -> None:
        """Give the place up, which is kept until `back_at` where late runs all have their turn."""
        self._leave_kept()
        if self.catches_up:
            queue.step_out(self.connection, self._name, session_id, tick=self.tick, back_at=back_at)
        else:
            queue.leave(self.connection, session_id)

    def leave(self) -> None:
        """Give the place up: the run begins, or does not."""
        self._leave_kept()
        if self.place is not None:
            queue.leave(self.connection, self.place.session_id)

    def _leave_kept(self) -> None:
        if self._kept is not None:
            queue.leave(self.connection, self._kept.session_id)

    @property
    def _name(self) -> str:
        return lease_name(self.source.name, self.due.account_id)

    @cached_property
    def _waiting(self) -> list[QueuedRun]:
        return queue.waiting(self.connection, self._name, now=self.now)

    @cached_property
    def _kept(self) -> QueuedRun | None:
        """The place of the deferred session that the run goes on for."""
        if self.due.trigger is not Trigger.RETRY or self.due.goes_on_for is None:
            return None
        return queue.find(self.connection, self.due.goes_on_for, now=self.now)
