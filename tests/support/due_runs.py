"""Facts about a source and runs that are due, made without a database."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from support.runs import products_source
from support.upstream import ListPages
from syncline.admission.decide import Decision, decide, refusal
from syncline.admission.due_run import DueRun, Queued
from syncline.admission.facts import Facts
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.source import Source
from syncline.model.tables import Hold, QueuedRun
from syncline.resilience.breaker import BreakerState
from syncline.store.breakers import BreakerStatus

NOW = datetime(2026, 1, 22, 10, 0, tzinfo=UTC)
EARLIER, LATER = NOW - timedelta(minutes=5), NOW + timedelta(minutes=5)
SOURCE = products_source(ListPages())
CLOSED = BreakerStatus(state=BreakerState.CLOSED)

TICK = DueRun(trigger=Trigger.SCHEDULE, scheduled_for=NOW)
LATE = DueRun(trigger=Trigger.SCHEDULE, scheduled_for=EARLIER)
MANUAL = DueRun(trigger=Trigger.MANUAL)
RETRY = DueRun(trigger=Trigger.RETRY, goes_on_for="newest")


def hold(expires_at: datetime | None = LATER) -> Hold:
    return Hold(
        id="h", source="products", reason="stock-taking", created_by="anna", created_at=NOW, expires_at=expires_at
    )


def newest(status: Status = Status.COMPLETED, **values: Any) -> SyncSession:  # noqa: ANN401 - columns of the session
    given: dict[str, Any] = {"started_at": EARLIER - timedelta(minutes=5), "reason": "budget", **values}
    return SyncSession(
        id="newest", source="products", trigger=Trigger.SCHEDULE, mode=Mode.INCREMENTAL, status=status, **given
    )


def deferred(**values: Any) -> SyncSession:  # noqa: ANN401 - columns of the session
    return newest(Status.DEFERRED, **{"retry_at": LATER, **values})


def row(session_id: str, tick: datetime, *, pid: int = 7) -> QueuedRun:
    """A run in the queue; `pid=0` is a place that is kept for a deferred one."""
    return QueuedRun(
        session_id=session_id,
        source="products",
        tick=tick,
        expires_at=LATER,
        host="h",
        boot_id="b",
        pid=pid,
        process_started=1,
    )


def ticket(tick: datetime = NOW, *, catches_up: bool = False) -> Queued:
    return Queued(
        session_id="mine", tick=tick, since=NOW - timedelta(seconds=30), catches_up=catches_up, reason="overlap"
    )


def breaker(state: BreakerState, retry_at: datetime | None = None) -> BreakerStatus:
    return BreakerStatus(state=state, retry_at=retry_at)


def facts(**values: Any) -> Facts:  # noqa: ANN401 - fields of the facts
    """Nothing on record but what is given."""
    known: dict[str, Any] = {"session_id": "mine", "mode": Mode.INCREMENTAL, "breaker": CLOSED, **values}
    return Facts(**known)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule: what is on record, and what it makes of the run."""

    name: str
    run: DueRun = TICK
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    policies: dict[str, Any] = field(default_factory=dict[str, Any])
    decision: Decision

    @property
    def source(self) -> Source:
        """The source with its policies."""
        return replace(SOURCE, **self.policies)

    def decided(self) -> Decision:
        """What is decided of the run."""
        return decide(facts(**self.facts), self.source, self.run, NOW)

    def refused(self) -> Decision | None:
        """What is decided of it before it has begun."""
        return refusal(facts(**self.facts), self.source, self.run, NOW)
