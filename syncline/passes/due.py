"""Runs that are due, and what was decided of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from syncline.model.policies import Mode
from syncline.model.session import Status, Trigger

__all__ = ["Admission", "Due", "Wait", "lease_name"]


@dataclass(frozen=True, kw_only=True)
class Due:
    """A run that is due.

    Attributes:
        trigger: who or what wants it.
        mode: how much it is asked to read.
        account_id: the account that it is for, if its source has accounts.
        flow_run_id: the Prefect flow run that it is; the same id is admitted once.
        scheduled_for: the tick of the schedule that it answers.
        goes_on_for: the deferred session that it was scheduled to go on for, if it was.
        superseded_by: a later tick that is late as well, whose run is to make up for this one.
    """

    trigger: Trigger
    mode: Mode = Mode.INCREMENTAL
    account_id: str | None = None
    flow_run_id: str | None = None
    scheduled_for: datetime | None = None
    goes_on_for: str | None = None
    superseded_by: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Admission:
    """What was decided of a due run.

    Attributes:
        session_id: the session that is on record for it.
        status: running where it may start; else its outcome.
        mode: how much it is to read.
        reason: why it may not start.
        retry_at: when it could, where that is known.
        held: whether a hold is what it was deferred for.
    """

    session_id: str
    status: Status
    mode: Mode
    reason: str | None = None
    retry_at: datetime | None = None
    held: bool = False

    @property
    def granted(self) -> bool:
        """Whether the run may start."""
        return self.status is Status.RUNNING


@dataclass(frozen=True, kw_only=True)
class Wait:
    """A run that waits for its turn, and is to ask again.

    Attributes:
        session_id: the session that it will be.
        tick: when it was due, which is its place in the queue.
        since: when it first asked.
        catches_up: whether it is one of several late runs that all have their turn.
        reason: what it waits for.
    """

    session_id: str
    tick: datetime
    since: datetime
    catches_up: bool
    reason: str


def lease_name(source: str, account_id: str | None) -> str:
    """The lease that a run of the source (or an account's source) must hold."""
    return f"source:{source}" if account_id is None else f"source:{source}:{account_id}"
