"""`GET /api/sync/status`: how each source is, for monitors."""

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from syncline.status.guards import BudgetUse, breaker_words
from syncline.status.overview import SourceOverview, State
from syncline.status.recent import Recent, Run, recent_runs
from web.api.breakers import BreakerJson, as_json
from web.api.errors import documented
from web.api.shared_secrets import INTERNAL_API_KEY, InternalRoute
from web.context import Context, Here
from web.redaction import redacted
from web.sight import Sight, look

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
    at: datetime = Field(description="when it ended")
    flow_run_id: str | None


class RateLimitJson(BaseModel):
    """How a budget of the source's upstream stands."""

    tokens: float = Field(description="how much may be spent now")
    capacity: int = Field(description="how much that is at most")
    usage: float = Field(description="the spent part, 0 to 1")
    window_seconds: float
    blocked_until: datetime | None = Field(description="until when the upstream wants to be left alone")


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
    upstream_blocked_until: datetime | None = Field(description="until when its upstream wants no request at all")
    next_run_at: datetime | None


class SyncStatus(BaseModel):
    """All sources by name; instants are ISO 8601 in UTC."""

    healthy: bool = Field(description="whether all sources are, and Prefect answers")
    problems: list[str] = Field(description="what is wrong with no single source")
    at: datetime
    sources: dict[str, SourceStatus]


@router.get("/status")
async def read_status(
    here: Here, response: Response, source: Annotated[str | None, Query(description="only this one")] = None
) -> SyncStatus:
    """The state of all sources: last result, retries, breaker, rate limits, next run; and whether all is well."""
    names = here.names if source is None else (here.require(source),)
    sight, recent = await asyncio.gather(look(here), asyncio.to_thread(_recent, here, names))
    told = {one.name: _status(here, sight, one, recent[one.name]) for one in sight.sources if one.name in recent}
    problems = ["Prefect does not answer, so nothing runs by itself"] if sight.schedules is None else []
    response.headers["Cache-Control"] = "no-store"
    healthy = not problems and all(one.healthy for one in told.values())
    return SyncStatus(healthy=healthy, problems=problems, at=sight.at, sources=told)


def _recent(here: Context, names: tuple[str, ...]) -> dict[str, Recent]:
    with here.store.read() as connection:
        return {name: recent_runs(connection, name) for name in names}


def _status(here: Context, sight: Sight, one: SourceOverview, recent: Recent) -> SourceStatus:
    guards = sight.guards[one.name]
    last = None if recent.last is None else _result(here, recent.last)
    set_up = here.settings.missing(one.upstream) is None
    problems = [] if guards.is_closed else [f"breaker: {breaker_words(guards)}"]
    if last is not None and last.error is not None:
        problems.append(f"the last run {last.status}: {last.error}")
    schedule = (sight.schedules or {}).get(one.name)
    running = one.progress.session.retry_count if one.progress is not None else 0
    return SourceStatus(
        healthy=not (set_up and problems),
        problems=problems if set_up else [],
        set_up=set_up,
        state=one.state,
        last_result=last,
        retry_count=recent.failed_attempts + running,
        circuit_breaker=as_json(guards.breaker, guards.policy),
        rate_limit={budget.name: _rate_limit(budget) for budget in guards.budgets},
        upstream_blocked_until=guards.blocked_until,
        next_run_at=None if schedule is None else schedule.next_run_at,
    )


def _result(here: Context, run: Run) -> ResultJson:
    return ResultJson(
        success=run.succeeded,
        status=run.status,
        duration_ms=round(run.took.total_seconds() * 1000),
        items=run.items_processed,
        error=None if run.error is None else redacted(run.error, here.settings),
        at=run.ended_at,
        flow_run_id=run.flow_run_id,
    )


def _rate_limit(budget: BudgetUse) -> RateLimitJson:
    return RateLimitJson(
        tokens=round(budget.tokens, 3),
        capacity=budget.capacity,
        usage=round(budget.fraction, 4),
        window_seconds=budget.window_seconds,
        blocked_until=budget.blocked_until,
    )
