"""A run that does not go on, and why: what a task returns, and how it leaves the flow's sentence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from syncline.errors import DeferredError
from syncline.model.session import Status

__all__ = ["EarlyEnd", "EndRun", "deferred_end", "unless_ended"]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class EarlyEnd:
    """Why a run does not go on.

    Attributes:
        status: its outcome: skipped, missed or deferred; cancelled or failed where it was stopped from outside.
        reason: the same in words.
        retry_at: when it may go on, where that is known.
        held: whether a hold is what it waits for; that may end sooner.
        error: the type and message of the error, where it failed.
    """

    status: Status
    reason: str
    retry_at: datetime | None = None
    held: bool = False
    error: tuple[str, str] | None = None


class EndRun(Exception):  # noqa: N818 - a way out of the flow, like StopIteration; nothing went wrong
    """Leaves the flow's sentence; `tasks.flow` turns it into the flow run's final state."""

    def __init__(self, end: EarlyEnd) -> None:
        """Carry `end` out of the flow."""
        self.end = end
        super().__init__(end.reason)


def deferred_end(deferred: DeferredError) -> EarlyEnd:
    """The end of a run that must wait longer than its patience."""
    return EarlyEnd(status=Status.DEFERRED, reason=deferred.reason, retry_at=deferred.retry_at, held=deferred.held)


def unless_ended(outcome: T | EarlyEnd) -> T:
    """What a task came to.

    Raises:
        EndRun: it came to an early end.
    """
    if isinstance(outcome, EarlyEnd):
        raise EndRun(outcome)
    return outcome
