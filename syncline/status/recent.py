"""How the last runs of a source fared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile

from sqlalchemy import Connection

from syncline.model.session import Status, SyncSession, is_mostly_rejected
from syncline.status.latest import RECENT, Latest, latest

__all__ = ["FAILED", "RECENT", "SUCCESSFUL", "Recent", "Run", "recent_of", "recent_runs"]

SUCCESSFUL = frozenset({Status.COMPLETED, Status.PARTIAL})
"""A partial run stored all that could be stored; its rejects are on record."""
FAILED = frozenset({Status.FAILED, Status.CRASHED})


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run that came to an end, good or bad.

    Attributes:
        session: its record.
    """

    session: SyncSession

    @property
    def status(self) -> Status:
        """How it ended."""
        return self.session.status

    @property
    def succeeded(self) -> bool:
        """Whether it stored all that could be stored, and anything at all of what it was sent."""
        return self.status in SUCCESSFUL and not self.stored_nothing

    @property
    def stored_nothing(self) -> bool:
        """Whether it was sent items, and every one of them was rejected."""
        one = self.session
        return 0 < one.items_processed <= one.items_rejected

    @property
    def is_mostly_rejected(self) -> bool:
        """Whether so many of its items were rejected that the source is failing."""
        one = self.session
        return is_mostly_rejected(one.mode, processed=one.items_processed, rejected=one.items_rejected)

    @property
    def ended_at(self) -> datetime:
        """When it ended; a clock that stepped back moves nothing before its beginning."""
        return max(self.session.completed_at or self.session.started_at, self.session.started_at)

    @property
    def took(self) -> timedelta:
        """How long it took."""
        return self.ended_at - self.session.started_at

    @property
    def error(self) -> str | None:
        """What went wrong, on one line; None if it went well."""
        if self.succeeded:
            return None
        one = self.session
        said = ": ".join(part for part in (one.error_type, one.error_message) if part) or one.reason
        return " ".join((said or self.status.value).split())


@dataclass(frozen=True, kw_only=True)
class Recent:
    """The last runs of a source that ended completed, partial, failed or crashed.

    Attributes:
        runs: the newest first, `RECENT` at most. What was skipped, missed, deferred or cancelled says nothing of
            how well a source works, and is not among them.
    """

    runs: tuple[Run, ...] = ()

    @property
    def last(self) -> Run | None:
        """The newest; None before the first."""
        return self.runs[0] if self.runs else None

    @property
    def success(self) -> float | None:
        """The part of them that went well, 0 to 1; None before the first."""
        return sum(run.succeeded for run in self.runs) / len(self.runs) if self.runs else None

    @property
    def failed_attempts(self) -> int:
        """How many attempts failed since the last success: each failed run, and the retries within it."""
        failed = takewhile(lambda run: not run.succeeded, self.runs)
        return sum(1 + run.session.retry_count for run in failed)

    @property
    def partial_in_a_row(self) -> int:
        """How many of the newest runs ended partial."""
        return sum(1 for _ in takewhile(lambda run: run.status is Status.PARTIAL, self.runs))


def recent_of(ended: Iterable[SyncSession]) -> Recent:
    """The recent runs among sessions that ended, the newest first."""
    runs = (Run(session=one) for one in ended if one.status in SUCCESSFUL | FAILED)
    return Recent(runs=tuple(islice(runs, RECENT)))


def recent_runs(connection: Connection, source: str) -> Recent:
    """The last runs of `source`, of all of its accounts."""
    return recent_of(latest(connection, [source]).get(source, Latest()).ended)
