"""All sources with what they do now."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from syncline.status.history import HistoryEntry, as_seed
from syncline.status.overview import SourceOverview, State
from web.api.errors import documented
from web.api.guard import TOKEN, GuardedRoute
from web.api.holds import HoldJson
from web.context import Here
from web.controls import Schedule
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
    next_run_at: datetime | None


class SourceJson(BaseModel):
    """A source, now."""

    name: str
    upstream: str
    state: State
    rows: int | None = Field(description="null where it keeps no dataset in step")
    rows_exact: bool | None = Field(description="false: PostgreSQL's estimate of a large table")
    running: int = Field(description="sessions that are open")
    progress: float | None = Field(description="pages of all pages, 0 to 1, of the running session")
    items_per_second: float | None
    waiting_for: str | None
    consecutive_failures: int
    last: HistoryEntry | None
    holds: list[HoldJson]
    schedule: ScheduleJson | None = Field(description="null where Prefect does not answer")


class SourceList(BaseModel):
    """All sources, by name."""

    sources: list[SourceJson]


@router.get("")
async def list_sources(here: Here) -> SourceList:
    """All sources with their state, running session, holds and next run."""
    sight = await look(here)
    schedules = sight.schedules or {}
    return SourceList(sources=[_json(one, schedules.get(one.name)) for one in sight.sources])


def _json(one: SourceOverview, schedule: Schedule | None) -> SourceJson:
    return SourceJson(
        name=one.name,
        upstream=one.upstream,
        state=one.state,
        rows=one.rows.rows if one.rows else None,
        rows_exact=one.rows.exact if one.rows else None,
        running=one.running,
        progress=None if one.progress is None else one.progress.fraction,
        items_per_second=None if one.progress is None else round(one.progress.items_per_second, 1),
        waiting_for=None if one.heartbeat is None else one.heartbeat.waiting_for,
        consecutive_failures=one.consecutive_failures,
        last=None if one.last is None else as_seed(one.last),
        holds=[HoldJson.model_validate(hold) for hold in one.holds],
        schedule=None if schedule is None else ScheduleJson.model_validate(schedule, from_attributes=True),
    )
