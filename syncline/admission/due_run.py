"""What admission is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger

__all__ = ["Admission", "DueRun", "Queued"]


@dataclass(frozen=True, kw_only=True)
class DueRun:
    """A run that is due.

    Attributes:
        trigger: who or what asked for it.
        mode: how much it is asked to read.
        account_id: the account that it is for; "" for the source itself.
        flow_run_id: the Prefect flow run that it is; the same id is admitted once.
        scheduled_for: the tick of the schedule that it answers.
        goes_on_for: the deferred session that it continues, if it does.
        superseded_by: a later tick that is late as well, and whose run replaces this one.
    """

    trigger: Trigger
    mode: Mode = Mode.INCREMENTAL
    account_id: str = ""
    flow_run_id: str | None = None
    scheduled_for: datetime | None = None
    goes_on_for: str | None = None
    superseded_by: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Admission:
    """The decision on a due run.

    Attributes:
        session_id: the session that is on record for it.
        status: running if it may start; else its outcome.
        mode: how much it is to read.
        reason: why it may not start.
        retry_at: when it could, if that is known.
        held: whether it was deferred because of a hold.
    """

    session_id: str
    status: Status
    mode: Mode
    reason: str | None = None
    retry_at: datetime | None = None
    held: bool = False

    @classmethod
    def of(cls, session: SyncSession) -> Admission:
        """The decision that `session` records."""
        return cls(
            session_id=session.id,
            status=Status(session.status),
            mode=Mode(session.mode),
            reason=session.reason,
            retry_at=session.retry_at,
            held=session.held,
        )

    @property
    def granted(self) -> bool:
        """Whether the run may start."""
        return self.status is Status.RUNNING


@dataclass(frozen=True, kw_only=True)
class Queued:
    """The ticket of a run that waits for its turn: it shows the ticket when it asks again.

    Attributes:
        session_id: the session that it will be.
        tick: when it was due; the queue is in this order.
        since: when it first asked.
        catches_up: whether it is one of several late runs that are all to run (`CatchUp.ALL`).
        reason: what it waits for.
    """

    session_id: str
    tick: datetime
    since: datetime
    catches_up: bool
    reason: str
