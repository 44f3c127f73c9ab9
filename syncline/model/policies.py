"""What a source's owner decides: modes, retries, deletions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from syncline.errors import ConfigurationError

__all__ = ["Deletes", "Mode", "Retry"]


class Mode(StrEnum):
    """How much of the upstream a session reads."""

    FULL = "full"
    """All of it; only this finds deletions."""
    INCREMENTAL = "incremental"
    """What changed since the checkpoint; full where there is none, or the upstream cannot tell."""


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
class Deletes:
    """When rows that the upstream no longer lists are deleted: after an unbroken full pass, and within bounds.

    Attributes:
        max_fraction: a pass that would delete more than this part of the table (0 to 1) deletes nothing, and says so.
        full_pass_every_seconds: an incremental run becomes a full one when the last full pass is older than this, so
            that deletions are found; None: only where full is asked for.
    """

    max_fraction: float = 0.2
    full_pass_every_seconds: float | None = 86_400

    def __post_init__(self) -> None:
        """Refuse a fraction that is none."""
        if not 0 <= self.max_fraction <= 1:
            raise ConfigurationError(f"Deletes.max_fraction must lie in 0 to 1, but is {self.max_fraction}")
