"""Whether each service still lives, in the shape of the seed: `GET /health/cron`, without a token."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from syncline.resilience.breaker import BreakerState
from syncline.status.protection import BudgetUse
from syncline.status.report import Report, SourceReport, State
from syncline.status.source_json import Instant, PublicJson, public_facts
from syncline.words import unheard_of
from web.api.errors import documented
from web.context import Context, Here
from web.redaction import redactor
from web.snapshot import take

__all__ = ["ServiceState", "router", "service_state"]

router = APIRouter(tags=["health"])

_X = "x"
"""The upstream whose budgets stand in `x_api_status`."""
_REFUSING = frozenset({BreakerState.OPEN, BreakerState.FORCED_OPEN})


class ServiceState(StrEnum):
    """The state of a service: the report's, in the words of this endpoint."""

    HEALTHY = "HEALTHY"
    """It runs as it should."""
    STALLED = "STALLED"
    """Its last run is longer ago than twice its interval, or that one's last beat where it takes so long; and nothing
    excuses it. An open breaker excuses it until its cool-down ends."""
    LATE = "LATE"
    """A run that is due has not begun."""
    FAILING = "FAILING"
    """It runs, but its last run failed or crashed."""
    DEGRADED = "DEGRADED"
    """It runs, but stores little or nothing of what it is sent, or is partial again and again."""
    WAITING = "WAITING"
    """It waits for a budget, a rate limit or its turn."""
    PAUSED = "PAUSED"
    """A hold is in force, or its breaker is open; one that is half-open lets it run."""
    STOPPED = "STOPPED"
    """Its schedule is switched off, or there is none."""
    NOT_SET_UP = "NOT_SET_UP"
    """Its upstream has no base URL."""
    NEW = "NEW"
    """It never ran."""
    UNKNOWN = "UNKNOWN"
    """It is silent, and Prefect does not tell whether that is meant; or its record is of a newer version."""


class ServiceHealth(BaseModel):
    """A service in one line."""

    service: str
    last_run: Instant | None
    age_seconds: int | None = Field(description="since the last run began")
    status: ServiceState


class ServiceHealthDetail(PublicJson, ServiceHealth):
    """A service with its heartbeat, and what its report tells without a token."""

    expected_interval_seconds: float | None = Field(description="null if a cron decides")
    last_duration_ms: int | None
    error_count: int = Field(description="failures since the last success")
    page: int = Field(description="pages stored by the running session, or the last one")


class Tokens(BaseModel):
    """What may be spent of a budget now."""

    tokens: float
    capacity: int


class CronHealth(BaseModel):
    """All services."""

    timestamp: Instant
    services: list[ServiceHealth]
    stalled_services: list[str]
    x_api_status: dict[str, Tokens] = Field(description="the budgets of the upstream x, if there is one")
    budgets: dict[str, Tokens] = Field(description="the budgets of all upstreams")


@router.get("/health/cron")
async def read_all(here: Here, response: Response) -> CronHealth:
    """How every service is."""
    response.headers["Cache-Control"] = "no-store"
    report = await take(here)
    services = [_line(here, report, one) for one in report.sources]
    uses = {use.name: use for one in report.sources for use in one.protection.budgets}
    return CronHealth(
        timestamp=report.at,
        services=services,
        stalled_services=[one.service for one in services if one.status is ServiceState.STALLED],
        x_api_status=_tokens([use for name, use in uses.items() if name.startswith(f"{_X}:")], short=True),
        budgets=_tokens(list(uses.values()), short=False),
    )


@router.get("/health/cron/{service}", responses=documented(404))
async def read_one(
    here: Here, response: Response, service: Annotated[str, Path(description="its name or alias")]
) -> ServiceHealthDetail:
    """How one service is, with its heartbeat."""
    response.headers["Cache-Control"] = "no-store"
    name = here.require(service)
    report = await take(here)
    one, beat = report.of(name), report.of(name).seen.heartbeat
    facts = dict(_line(here, report, one)) | public_facts(one, report.at)
    facts |= {
        "expected_interval_seconds": None if one.cadence is None else one.cadence.interval_seconds,
        "last_duration_ms": None if beat is None else beat.last_duration_ms,
        "error_count": one.seen.consecutive_failures,
        "page": 0 if beat is None else beat.page,
    }
    return ServiceHealthDetail.model_validate(facts, context=redactor(here.settings))


def service_state(one: SourceReport) -> ServiceState:  # noqa: C901, PLR0911 - a line for each state
    """The state in the words of this endpoint."""
    match one.state:
        case State.STALLED:
            return ServiceState.STALLED
        case State.LATE:
            return ServiceState.LATE
        case State.UNKNOWN:
            return ServiceState.UNKNOWN
        case State.NOT_SET_UP:
            return ServiceState.NOT_SET_UP
        case State.PAUSED:
            return ServiceState.PAUSED
        case State.STOPPED:
            return ServiceState.STOPPED
        case State.WAITING:
            return ServiceState.WAITING
        case State.DEFERRED:
            return _kept_from_running(one) or ServiceState.WAITING
        case State.FAILING:
            return _kept_from_running(one) or ServiceState.FAILING
        case State.DEGRADED:
            return _kept_from_running(one) or ServiceState.DEGRADED
        case State.NEW:
            return _kept_from_running(one) or (ServiceState.NEW if one.seen.began_at is None else ServiceState.HEALTHY)
        case State.RUNNING | State.PARTIAL | State.CANCELLED | State.UP_TO_DATE:
            return _kept_from_running(one) or ServiceState.HEALTHY
    return ServiceState(unheard_of(one.state))


def _kept_from_running(one: SourceReport) -> ServiceState | None:
    """An open breaker is a pause here, and a service without a schedule is stopped."""
    if one.protection.breaker.state in _REFUSING:
        return ServiceState.PAUSED
    has_schedule = one.cadence is not None or one.next_run.active is not None
    return None if has_schedule or one.seen.progress is not None else ServiceState.STOPPED


def _line(here: Context, report: Report, one: SourceReport) -> ServiceHealth:
    last_run = one.seen.began_at
    return ServiceHealth(
        service=here.shown_as(one.name),
        last_run=last_run,
        age_seconds=None if last_run is None else max(round((report.at - last_run).total_seconds()), 0),
        status=service_state(one),
    )


def _tokens(uses: Sequence[BudgetUse], *, short: bool) -> dict[str, Tokens]:
    return {
        (use.name.partition(":")[2] if short else use.name): Tokens(tokens=use.tokens, capacity=use.capacity)
        for use in uses
    }
