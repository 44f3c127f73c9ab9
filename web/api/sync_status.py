"""`GET /api/sync/status`: how each source is, for monitors."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from syncline.status.guards import BudgetUse
from syncline.status.recent import Run
from syncline.status.report import SourceReport, State
from web.api.breakers import BreakerJson, as_json
from web.api.errors import documented
from web.api.instants import Instant
from web.api.problems import NextRunJson, next_run_json, sentences
from web.api.shared_secrets import INTERNAL_API_KEY, InternalRoute
from web.context import Context, Here
from web.redaction import redacted
from web.sight import look

__all__ = ["router"]

router = APIRouter(
    prefix="/api/sync",
    tags=["status"],
    route_class=InternalRoute,
    dependencies=[INTERNAL_API_KEY],
    responses=documented(401, 404, 503),
)


class ResultJson(BaseModel):
    """How the last run that came to an end went."""

    success: bool
    status: str = Field(description="completed, partial, failed or crashed")
    duration_ms: int
    items: int = Field(description="items read")
    error: str | None
    at: Instant = Field(description="when it ended")
    flow_run_id: str | None


class RateLimitJson(BaseModel):
    """How a budget of the source's upstream stands."""

    tokens: float = Field(description="how much may be spent now")
    capacity: int = Field(description="how much that is at most")
    usage: float = Field(description="the spent part, 0 to 1")
    window_seconds: float
    blocked_until: Instant | None = Field(description="until when the upstream wants to be left alone")


class SourceStatus(BaseModel):
    """One source."""

    healthy: bool
    problems: list[str] = Field(description="why it is not healthy")
    set_up: bool = Field(description="false: its upstream has no base URL, so it does not run; that is no problem")
    state: State
    last_result: ResultJson | None
    retry_count: int = Field(description="attempts that failed since the last success, over the last 20 runs")
    circuit_breaker: BreakerJson
    rate_limit: dict[str, RateLimitJson] = Field(description="by the budget's name, UPSTREAM:BUDGET")
    upstream_blocked_until: Instant | None = Field(description="until when its upstream wants no request at all")
    next_run_at: Instant | None = Field(description="never in the past; null: `next_run` says why")
    next_run: NextRunJson
    fresh_at: Instant | None = Field(description="all that its upstream showed then is stored")
    last_full_at: Instant | None = Field(description="when the last unbroken full pass began")


class SyncStatus(BaseModel):
    """All sources by name; instants are ISO 8601 in UTC."""

    healthy: bool = Field(description="whether all sources are, and nothing is wrong with the instance")
    problems: list[str] = Field(description="what is wrong with no single source")
    at: Instant
    sources: dict[str, SourceStatus]


@router.get("/status")
async def read_status(
    here: Here, response: Response, source: Annotated[str | None, Query(description="only this one")] = None
) -> SyncStatus:
    """The state of all sources: last result, retries, breaker, rate limits, next run; and whether all is well."""
    names = here.names if source is None else (here.require(source),)
    report = await look(here)
    told = {one.name: _status(here, one) for one in report.sources if one.name in names}
    problems = sentences(report.problems, here.settings)
    response.headers["Cache-Control"] = "no-store"
    healthy = not problems and all(one.healthy for one in told.values())
    return SyncStatus(healthy=healthy, problems=problems, at=report.at, sources=told)


def _status(here: Context, one: SourceReport) -> SourceStatus:
    guards, last = one.guards, one.seen.recent.last
    return SourceStatus(
        healthy=one.is_healthy,
        problems=sentences(one.problems, here.settings),
        set_up=one.missing is None,
        state=one.state,
        last_result=None if last is None else _result(here, last),
        retry_count=one.seen.retry_count,
        circuit_breaker=as_json(guards.breaker, guards.policy),
        rate_limit={budget.name: _rate_limit(budget) for budget in guards.budgets},
        upstream_blocked_until=guards.blocked_until,
        next_run_at=one.next_run.at,
        next_run=next_run_json(one.next_run),
        fresh_at=one.seen.freshness.read_at,
        last_full_at=one.seen.freshness.full_at,
    )


def _result(here: Context, run: Run) -> ResultJson:
    return ResultJson(
        success=run.succeeded,
        status=run.status.value,
        duration_ms=round(run.took.total_seconds() * 1000),
        items=run.session.items_processed,
        error=None if run.error is None else redacted(run.error, here.settings),
        at=run.ended_at,
        flow_run_id=run.session.flow_run_id,
    )


def _rate_limit(budget: BudgetUse) -> RateLimitJson:
    return RateLimitJson(
        tokens=round(budget.tokens, 3),
        capacity=budget.capacity,
        usage=round(budget.fraction, 4),
        window_seconds=budget.window_seconds,
        blocked_until=budget.blocked_until,
    )
