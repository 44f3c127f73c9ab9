"""What becomes of a job whose sync came to an end: decided purely, applied by the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from syncline.model.job import JobReason
from syncline.model.policies import Backoff
from syncline.model.session import Status, Tally, Trigger
from syncline.resilience.backoff import Random, delay_seconds
from syncline.store.job_claims import Claimed

__all__ = ["BACKOFF", "PAUSE_US", "AccountEnd", "Becomes", "Verdict", "decide", "is_kept", "trigger_of"]

BACKOFF = Backoff(attempts=6, initial=5, maximum=900, factor=3, jitter=0.1)
"""The waits between a job's attempts: 5 s, 15 s, 45 s, 135 s, 405 s."""
PAUSE_US = 60_000_000
"""The wait of what is deferred and names no instant, as an upstream that asks to slow down need not."""
_MICROSECONDS = 1_000_000
_ENDS = frozenset({Status.COMPLETED, Status.PARTIAL, Status.FAILED, Status.DEFERRED, Status.CANCELLED, Status.SKIPPED})


class Becomes(StrEnum):
    """Where a job goes when its sync has ended."""

    GONE = "gone"
    """It is done; queued anew at once where it was asked for again meanwhile."""
    WAITS = "waits"
    """It is queued again, for an instant that is named."""
    DEAD = "dead"
    """It is kept as a dead letter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountEnd:
    """What one account's sync came to.

    Attributes:
        job: the job, as it was claimed.
        status: completed, partial, failed, deferred, cancelled or skipped.
        began_us: when it began, in microseconds since 1970.
        ended_us: when it ended.
        tally: what was read and stored.
        reason: why it is not completed, for people.
        error_type: the class of what went wrong.
        error_message: what it said; never a secret.
        retry_at_us: of a deferred one, when it goes on; None: in a minute.
        attention: why it cannot succeed until the account's user does something.
        changes: how many changes it counted at the upstream since the last sync.
    """

    job: Claimed
    status: Status
    began_us: int
    ended_us: int
    tally: Tally = field(default_factory=Tally)
    reason: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    retry_at_us: int | None = None
    attention: str | None = None
    changes: float = 0

    def __post_init__(self) -> None:
        """Refuse what is no end: its session would be open for ever."""
        if self.status not in _ENDS:
            raise ValueError(f"{self.status} is no end of a job")


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What becomes of a job.

    Attributes:
        becomes: where it goes.
        at_us: of one that waits, when it is due again.
        retry_count: of one that waits, how often it has failed by then.
    """

    becomes: Becomes
    at_us: int | None = None
    retry_count: int = 0


def decide(end: AccountEnd, random: Random, *, backoff: Backoff = BACKOFF) -> Verdict:
    """What becomes of the job whose sync came to `end`.

    A deferral is nobody's fault and counts for no retry. What failed is tried again after a wait that grows, until
    its retries are spent; what cannot succeed is not tried again.
    """
    if end.status is Status.DEFERRED:
        at = end.ended_us + PAUSE_US if end.retry_at_us is None else max(end.retry_at_us, end.ended_us)
        return Verdict(becomes=Becomes.WAITS, at_us=at, retry_count=end.job.retry_count)
    if end.status is not Status.FAILED:
        return Verdict(becomes=Becomes.GONE)
    retries = end.job.retry_count + 1
    if end.attention is not None or retries > end.job.max_retries:
        return Verdict(becomes=Becomes.DEAD, retry_count=end.job.retry_count)
    wait_us = round(delay_seconds(backoff, retries, random) * _MICROSECONDS)
    return Verdict(becomes=Becomes.WAITS, at_us=end.ended_us + wait_us, retry_count=retries)


def is_kept(end: AccountEnd) -> bool:
    """Whether it leaves a session: something changed, it is not completed, or a person or webhook asked for it.

    All others are counted by the hour: 100,000 accounts for a day are thousands of rows, not ten million.
    """
    changed = end.tally.created or end.tally.updated or end.tally.deleted
    asked = end.job.reason not in {JobReason.SCHEDULE, JobReason.STALE}
    return bool(changed) or end.status is not Status.COMPLETED or asked


def trigger_of(reason: JobReason) -> Trigger:
    """What a session says started it."""
    return Trigger.SCHEDULE if reason is JobReason.STALE else Trigger(reason.value)
