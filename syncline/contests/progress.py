"""How far a freeze is, for whoever watches it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

__all__ = ["FreezeProgress"]


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
