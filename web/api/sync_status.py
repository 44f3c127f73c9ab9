"""`GET /api/sync/status`: how each source is, for monitors."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from syncline.status.source_json import Instant, ProblemJson, SourceJson, source_json
from web.api.errors import documented
from web.api.guard import INTERNAL_API_KEY, InternalRoute
from web.context import Here
from web.redaction import redactor
from web.snapshot import take

__all__ = ["router"]

router = APIRouter(
    prefix="/api/sync",
    tags=["status"],
    route_class=InternalRoute,
    dependencies=[INTERNAL_API_KEY],
    responses=documented(401, 404, 503),
)


class SyncStatus(BaseModel):
    """All sources by name; instants are ISO 8601 in UTC."""

    healthy: bool = Field(description="whether all sources are, and nothing is wrong with the instance")
    problems: list[ProblemJson] = Field(description="what is wrong with no single source")
    at: Instant
    sources: dict[str, SourceJson]


@router.get("/status")
async def read_status(
    here: Here, response: Response, source: Annotated[str | None, Query(description="only this one")] = None
) -> SyncStatus:
    """The state of all sources: last result, retries, breaker, rate limits, next run; and whether all is well."""
    names = here.names if source is None else (here.require(source),)
    report, mask = await take(here), redactor(here.settings)
    told = {one.name: source_json(one, report.at, mask) for one in report.sources if one.name in names}
    problems = [ProblemJson.model_validate(one, context=mask) for one in report.problems]
    response.headers["Cache-Control"] = "no-store"
    healthy = not problems and all(one.healthy for one in told.values())
    return SyncStatus(healthy=healthy, problems=problems, at=report.at, sources=told)
