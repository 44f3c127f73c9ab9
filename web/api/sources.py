"""All sources with what they do now."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from syncline.status.history import HistoryEntry, as_seed
from syncline.status.report import NextRun, SourceReport, State
from web.api.errors import documented
from web.api.guard import TOKEN, GuardedRoute
from web.api.holds import HoldJson
from web.api.instants import Instant
from web.api.problems import ProblemJson, problems_json
from web.context import Context, Here
from web.sight import look

__all__ = ["router"]

router = APIRouter(
    prefix="/api/sources",
    tags=["sources"],
    route_class=GuardedRoute,
    dependencies=[TOKEN],
    responses=documented(401, 503),
)


class ScheduleJson(BaseModel):
    """When a source runs."""

    active: bool
    text: str = Field(description="such as `every 30 min`")
    next_run_at: Instant | None = Field(description="never in the past")


class SourceJson(BaseModel):
    """A source, now."""

    name: str
    upstream: str
    state: State
    healthy: bool
    problems: list[ProblemJson] = Field(description="why it is not healthy")
    rows: int | None = Field(description="null where it keeps no dataset in step")
    rows_exact: bool | None = Field(description="false: PostgreSQL's estimate of a large table")
    running: int = Field(description="sessions that are open")
    progress: float | None = Field(description="pages of all pages, 0 to 1, of the running session")
    items_per_second: float | None
    waiting_for: str | None
    consecutive_failures: int
    last: HistoryEntry | None
    holds: list[HoldJson]
    schedule: ScheduleJson | None = Field(description="null where it is not known, or there is none")
    next_run: str | None = Field(description="why there is no next run, such as `stopped`; null where there is one")
    fresh_at: Instant | None = Field(description="all that its upstream showed then is stored")


class SourceList(BaseModel):
    """All sources, by name."""

    sources: list[SourceJson]


@router.get("")
async def list_sources(here: Here) -> SourceList:
    """All sources with their state, running session, holds and next run."""
    report = await look(here)
    return SourceList(sources=[_json(here, one) for one in report.sources])


def _json(here: Context, one: SourceReport) -> SourceJson:
    seen = one.seen
    return SourceJson(
        name=one.name,
        upstream=seen.upstream,
        state=one.state,
        healthy=one.is_healthy,
        problems=problems_json(one.problems, here.settings),
        rows=seen.rows.rows if seen.rows else None,
        rows_exact=seen.rows.exact if seen.rows else None,
        running=seen.running,
        progress=None if seen.progress is None else seen.progress.fraction,
        items_per_second=None if seen.progress is None else round(seen.progress.items_per_second, 1),
        waiting_for=None if seen.heartbeat is None else seen.heartbeat.waiting_for,
        consecutive_failures=seen.consecutive_failures,
        last=None if seen.last is None else as_seed(seen.last),
        holds=[HoldJson.model_validate(hold) for hold in seen.holds],
        schedule=_schedule(one.next_run),
        next_run=one.next_run.why,
        fresh_at=seen.freshness.read_at,
    )


def _schedule(one: NextRun) -> ScheduleJson | None:
    if one.active is None:
        return None
    return ScheduleJson(active=one.active, text=one.schedule or "", next_run_at=one.at)
