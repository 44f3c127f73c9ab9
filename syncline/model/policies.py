"""What a source's owner decides: modes, overlap, catching up, retries, the breaker, priorities, deletions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from syncline.errors import ConfigurationError

__all__ = [
    "Backoff",
    "BreakerPolicy",
    "CatchUp",
    "Deletes",
    "Mode",
    "Overlap",
    "Priority",
    "Retry",
    "RetryPolicy",
    "SameKey",
]


class Mode(StrEnum):
    """How much of the upstream a session reads."""

    FULL = "full"
    """All of it; only this finds deletions."""
    INCREMENTAL = "incremental"
    """What changed since the checkpoint; full where there is none, or the upstream cannot tell."""


class Priority(StrEnum):
    """Who goes first when a budget is short; the lowest that has work still gets a tenth."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class SameKey(StrEnum):
    """What becomes of two different items of one list that have the same key."""

    REJECT = "reject"
    """The first one is stored, the others are rejects."""
    FAIL = "fail"
    """The session fails."""


class Overlap(StrEnum):
    """What becomes of a run that is due while another one of its source works."""

    SKIP = "skip"
    """It is skipped."""
    QUEUE = "queue"
    """It waits up to the source's patience, then it is deferred; one waits at a time, a further one is skipped."""
    CANCEL_RUNNING = "cancel_running"
    """The one at work ends as cancelled, its pages stay, and the new one goes on at the checkpoint."""


class CatchUp(StrEnum):
    """What becomes of scheduled runs that come late, as after downtime."""

    LATEST = "latest"
    """One runs; those that another run has made up for since are missed."""
    ALL = "all"
    """Each runs, one after the other in the order of their times."""
    NONE = "none"
    """All are missed; the next one that is on time runs."""


@dataclass(frozen=True, kw_only=True)
class Retry:
    """A bounded number of attempts with a list of waits between them.

    Attributes:
        attempts: how often the work is tried in all, the first time included.
        delays_seconds: the wait before the second, third, … attempt; the last one serves all further attempts.
    """

    attempts: int = 3
    delays_seconds: tuple[float, ...] = (5, 10, 20)

    def __post_init__(self) -> None:
        """Refuse a policy that cannot be followed."""
        if self.attempts < 1:
            raise ConfigurationError(f"Retry.attempts must be at least 1, but is {self.attempts}")
        if self.attempts > 1 and not self.delays_seconds:
            raise ConfigurationError("Retry.delays_seconds must name at least one wait")
        if any(delay < 0 for delay in self.delays_seconds):
            raise ConfigurationError("Retry.delays_seconds must not be negative")

    @property
    def waits_seconds(self) -> list[float]:
        """The waits between the attempts: one fewer than there are attempts."""
        waits = list(self.delays_seconds[: self.attempts - 1])
        return waits + list(self.delays_seconds[-1:]) * (self.attempts - 1 - len(waits))


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """A bounded number of attempts with waits that grow, each a bit off, so that many do not come back at once.

    Attributes:
        attempts: how often the work is tried in all, the first time included.
        initial: the first wait in seconds.
        maximum: the longest wait in seconds, jitter included.
        factor: by how much each wait is longer than the one before.
        jitter: how far a wait may be off, as a part of it (0.1: 10 % in both directions).
    """

    attempts: int = 5
    initial: float = 1
    maximum: float = 60
    factor: float = 2
    jitter: float = 0.1

    def __post_init__(self) -> None:
        """Refuse a policy that cannot be followed."""
        if self.attempts < 1:
            raise ConfigurationError(f"Backoff.attempts must be at least 1, but is {self.attempts}")
        if not 0 < self.initial <= self.maximum < math.inf:
            raise ConfigurationError("Backoff.initial must be above 0 and not above Backoff.maximum")
        if not (1 <= self.factor < math.inf and 0 <= self.jitter < 1):
            raise ConfigurationError("Backoff.factor must be at least 1, and Backoff.jitter lie in 0 to 1")

    @property
    def waits_seconds(self) -> list[float]:
        """The waits between the attempts, without jitter."""
        return [self.grown_seconds(attempt) for attempt in range(1, self.attempts)]

    def grown_seconds(self, attempt: int) -> float:
        """The wait after the attempt number `attempt` (from 1): initial * factor ** (attempt - 1), up to `maximum`."""
        steps = math.log(self.maximum / self.initial, self.factor) if self.factor > 1 else math.inf
        return self.maximum if attempt - 1 >= steps else self.initial * self.factor ** (attempt - 1)


RetryPolicy: TypeAlias = Retry | Backoff


@dataclass(frozen=True, kw_only=True)
class BreakerPolicy:
    """When a source that fails again and again is left alone, and how it comes back.

    Attributes:
        failures: so many in a row open the breaker.
        reset_after_seconds: how long it then stays open.
        half_open_probes: how many runs may try afterwards; so many successes close it, one failure opens it again.
        forget_after_seconds: failures are forgotten when none came for so long; give a source that runs less often
            than hourly more.
    """

    failures: int = 5
    reset_after_seconds: float = 300
    half_open_probes: int = 3
    forget_after_seconds: float = 3600

    def __post_init__(self) -> None:
        """Refuse a breaker that never opens or never closes."""
        if self.failures < 1 or self.half_open_probes < 1:
            raise ConfigurationError("BreakerPolicy.failures and half_open_probes must be at least 1")
        if not (0 <= self.reset_after_seconds < math.inf and 0 < self.forget_after_seconds < math.inf):
            raise ConfigurationError("BreakerPolicy: seconds must not be negative, nor endless")


@dataclass(frozen=True, kw_only=True)
class Deletes:
    """When rows that the upstream no longer lists are deleted: after an unbroken full pass, and within bounds.

    Attributes:
        max_fraction: a pass that would delete more than this part of the table (0 to 1), and more than `floor` rows,
            deletes nothing, and says so.
        floor: so many rows may always go: one of three is no accident.
        agreeing_passes: a refused deletion is made after all when so many full passes in a row have found the same rows
            gone, the refusing ones included; None: never, but by force.
        full_pass_every_seconds: an incremental run becomes a full one when the last full pass is older than this, so
            that deletions are found; None: only where full is asked for.
        never: the upstream lists only its newest items, so what it no longer lists is not gone: all rows stay.
    """

    max_fraction: float = 0.2
    floor: int = 10
    agreeing_passes: int | None = 3
    full_pass_every_seconds: float | None = 86_400
    never: bool = False

    def __post_init__(self) -> None:
        """Refuse a fraction that is none, and full passes that would find nothing out."""
        if not 0 <= self.max_fraction <= 1:
            raise ConfigurationError(f"Deletes.max_fraction must lie in 0 to 1, but is {self.max_fraction}")
        if self.floor < 0 or (self.agreeing_passes is not None and self.agreeing_passes < 1):
            raise ConfigurationError("Deletes.floor must not be negative, and agreeing_passes be at least 1, or None")
        if self.never and self.full_pass_every_seconds is not None:
            raise ConfigurationError("Deletes.never: set full_pass_every_seconds=None, for full passes delete nothing")
