"""All sources with what they do now."""

from fastapi import APIRouter
from pydantic import BaseModel

from syncline.status.source_json import SourceJson, source_json
from web.api.errors import documented
from web.api.guard import TOKEN, GuardedRoute
from web.context import Here
from web.redaction import redactor
from web.snapshot import take

__all__ = ["router"]

router = APIRouter(
    prefix="/api/sources",
    tags=["sources"],
    route_class=GuardedRoute,
    dependencies=[TOKEN],
    responses=documented(401, 503),
)


class SourceList(BaseModel):
    """All sources, by name."""

    sources: list[SourceJson]


@router.get("")
async def list_sources(here: Here) -> SourceList:
    """All sources with their state, running session, holds and next run."""
    report, mask = await take(here), redactor(here.settings)
    return SourceList(sources=[source_json(one, report.at, mask) for one in report.sources])
