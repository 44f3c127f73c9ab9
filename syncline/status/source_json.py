"""A source's report as JSON, the same from every face: `syncline status --json`, `/api/sources`, `/api/sync/status`.

`/health/cron/{service}`, which asks for no token, prints the part of it that `PublicJson` has.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationInfo

from syncline.model.policies import BreakerPolicy, Mode
from syncline.model.session import Status, Trigger
from syncline.resilience.breaker import BreakerState
from syncline.status.overview import Progress
from syncline.status.problems import ProblemKind
from syncline.status.protection import BudgetUse
from syncline.status.recent import Run
from syncline.status.report import SourceReport, State
from syncline.store.breakers import BreakerStatus
from syncline.words import iso_instant

__all__ = [
    "BreakerJson",
    "HoldJson",
    "Instant",
    "Mask",
    "ProblemJson",
    "PublicJson",
    "SessionJson",
    "SourceJson",
    "breaker_json",
    "public_facts",
    "source_json",
]

Mask: TypeAlias = Callable[[str], str]
"""Takes out of a text what its reader must not see."""


def _masked(text: str, info: ValidationInfo) -> str:
    mask: Mask | None = info.context
    return text if mask is None else mask(text)


Instant: TypeAlias = Annotated[datetime, PlainSerializer(iso_instant, return_type=str, when_used="json")]
"""ISO 8601 in UTC with milliseconds, as in `2026-01-22T10:30:00.000Z`."""
_Text: TypeAlias = Annotated[str, AfterValidator(_masked)]
"""Text that comes from outside, or that quotes an upstream's answer: the mask, given as context, is applied to it."""


_Account: TypeAlias = Annotated[str | None, BeforeValidator(lambda account_id: account_id or None)]
"""An account's id; null where the source itself is meant, for which the database has ""."""


class _Part(BaseModel):
    model_config = ConfigDict(from_attributes=True, frozen=True)


class ProblemJson(_Part):
    """One thing that is wrong."""

    kind: ProblemKind
    sentence: _Text


class NextRunJson(_Part):
    """When a source runs next by itself."""

    at: Instant | None = Field(description="never in the past; null: not known, or there is none")
    why: _Text | None = Field(description="why there is no instant, such as `stopped`, `late` or `unknown: …`")
    due_since: Instant | None = Field(description="since when a run is due that has not begun")
    schedule: str | None = Field(description="such as `every 30 min`")
    active: bool | None = Field(description="whether the schedule is on; null if that is not known")


class ProbesJson(_Part):
    """The runs that show whether the upstream is well again."""

    succeeded: int = Field(description="of the present half-open spell")
    needed: int = Field(description="so many in all close the breaker; no more are let through at once")


class BreakerJson(_Part):
    """How a breaker stands."""

    state: BreakerState
    failures: int = Field(description="failed attempts in a row")
    opened_at: Instant | None = Field(description="null while it is closed")
    retry_at: Instant | None = Field(description="until when runs are skipped, if that is known")
    probes: ProbesJson


class RateLimitJson(_Part):
    """How a budget of the source's upstream stands."""

    tokens: float = Field(description="how much may be spent now")
    capacity: int = Field(description="how much that is at most")
    usage: float = Field(description="the spent part, 0 to 1")
    window_seconds: float
    blocked_until: Instant | None = Field(description="until when the upstream wants to be left alone")


class ResultJson(_Part):
    """How the last run that came to an end went."""

    success: bool
    status: Status = Field(description="completed, partial, failed or crashed")
    duration_ms: int
    items: int = Field(description="items read")
    error: _Text | None
    at: Instant = Field(description="when it ended")
    flow_run_id: str | None


class SessionJson(_Part):
    """A session: the columns of `sync_sessions`."""

    id: str
    source: str
    account_id: _Account
    job_id: int | None
    trigger: Trigger
    mode: Mode
    status: Status
    reason: _Text | None
    started_at: Instant
    completed_at: Instant | None
    total_pages: int | None
    pages_processed: int
    items_processed: int
    items_created: int
    items_updated: int
    items_deleted: int
    items_unchanged: int
    items_rejected: int
    requests: int
    retry_count: int
    error_type: str | None
    error_message: _Text | None
    retry_at: Instant | None
    held: bool
    flow_run_id: str | None
    scheduled_for: Instant | None
    scheduled_until: Instant | None
    ticks: int
    result_no: int | None


class RunningJson(SessionJson):
    """The running session, and how fast it is."""

    items_per_second: float
    fraction: float | None = Field(description="pages stored of all pages, 0 to 1; null if that is not known")


class HoldJson(_Part):
    """A hold; instants are ISO 8601 in UTC."""

    id: str
    source: str
    account_id: _Account
    reason: _Text
    created_by: str
    created_at: Instant
    expires_at: Instant | None


class PublicJson(_Part):
    """What is told of a source without a token."""

    name: str
    source: str = Field(description="the same, as sessions call it")
    at: Instant = Field(description="when this was read")
    state: State
    healthy: bool
    problems: list[ProblemJson] = Field(description="why it is not healthy")
    next_run_at: Instant | None = Field(description="never in the past; null: `next_run` says why")
    next_run: NextRunJson
    fresh_at: Instant | None = Field(description="all that its upstream showed then is stored")
    last_full_at: Instant | None = Field(description="when the last unbroken full pass began")
    last_beat: Instant | None = Field(description="when it last began, stored a page, or ended")
    waiting_for: _Text | None
    waiting_until: Instant | None


class SourceJson(PublicJson):
    """A source, now; instants are ISO 8601 in UTC."""

    upstream: str
    set_up: bool = Field(description="false: its upstream has no base URL, so it does not run; that is no problem")
    rows: int | None = Field(description="null if it keeps no dataset")
    rows_exact: bool | None = Field(description="false: PostgreSQL's estimate of a large table")
    open_sessions: int
    running: RunningJson | None = Field(description="its open session; of several (accounts), the oldest")
    last_result: ResultJson | None
    last_run: SessionJson | None = Field(description="the newest session that ran and ended")
    last_session: SessionJson | None = Field(description="the newest of all, also one that never ran")
    consecutive_failures: int
    retry_count: int = Field(description="attempts that failed since the last success, over the last 20 runs")
    circuit_breaker: BreakerJson
    rate_limit: dict[str, RateLimitJson] = Field(description="by the budget's name, UPSTREAM:BUDGET")
    upstream_blocked_until: Instant | None = Field(description="until when its upstream wants no request at all")
    holds: list[HoldJson] = Field(description="those in force, the oldest first")


def source_json(one: SourceReport, at: datetime, mask: Mask | None = None) -> SourceJson:
    """All that is known of a source at `at`; `mask` is applied to texts that may quote a secret."""
    seen, protection, last = one.seen, one.protection, one.seen.recent.last
    facts = public_facts(one, at) | {
        "upstream": seen.upstream,
        "set_up": one.missing is None,
        "rows": seen.rows.rows if seen.rows else None,
        "rows_exact": seen.rows.exact if seen.rows else None,
        "open_sessions": seen.running,
        "running": None if seen.progress is None else _running(seen.progress),
        "last_result": None if last is None else _result(last),
        "last_run": seen.last_run,
        "last_session": seen.last,
        "consecutive_failures": seen.consecutive_failures,
        "retry_count": seen.retry_count,
        "circuit_breaker": breaker_json(protection.breaker, protection.policy),
        "rate_limit": {use.name: _rate_limit(use) for use in protection.budgets},
        "upstream_blocked_until": protection.blocked_until,
        "holds": seen.holds,
    }
    return SourceJson.model_validate(facts, context=mask)


def public_facts(one: SourceReport, at: datetime) -> dict[str, object]:
    """The fields of `PublicJson`, not masked yet."""
    beat, fresh = one.seen.heartbeat, one.seen.freshness
    return {
        "name": one.name,
        "source": one.name,
        "at": at,
        "state": one.state,
        "healthy": one.is_healthy,
        "problems": one.problems,
        "next_run_at": one.next_run.at,
        "next_run": one.next_run,
        "fresh_at": fresh.read_at,
        "last_full_at": fresh.full_at,
        "last_beat": None if beat is None else beat.last_beat,
        "waiting_for": None if beat is None else beat.waiting_for,
        "waiting_until": None if beat is None else beat.waiting_until,
    }


def breaker_json(status: BreakerStatus, policy: BreakerPolicy) -> BreakerJson:
    """The breaker that stands like this, by this policy."""
    return BreakerJson(
        state=status.state,
        failures=status.failures,
        opened_at=status.opened_at,
        retry_at=status.retry_at,
        probes=ProbesJson(succeeded=status.successes, needed=policy.half_open_probes),
    )


def _running(progress: Progress) -> dict[str, object]:
    session = progress.session
    speed: dict[str, object] = {"items_per_second": round(progress.items_per_second, 1), "fraction": progress.fraction}
    return {name: getattr(session, name) for name in SessionJson.model_fields} | speed


def _result(run: Run) -> dict[str, object]:
    return {
        "success": run.succeeded,
        "status": run.status,
        "duration_ms": round(run.took.total_seconds() * 1000),
        "items": run.session.items_processed,
        "error": run.error,
        "at": run.ended_at,
        "flow_run_id": run.session.flow_run_id,
    }


def _rate_limit(use: BudgetUse) -> RateLimitJson:
    return RateLimitJson(
        tokens=round(use.tokens, 3),
        capacity=use.capacity,
        usage=round(use.fraction, 4),
        window_seconds=use.window_seconds,
        blocked_until=use.blocked_until,
    )
