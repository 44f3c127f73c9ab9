"""What an outside scheduler calls: a source's run, and the reset of its breaker."""

import asyncio
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from syncline.model.policies import Mode
from syncline.model.session import Trigger
from syncline.model.source import Source
from syncline.status.source_json import BreakerJson, breaker_json
from syncline.store.breakers import Breakers
from web.api.errors import documented
from web.api.guard import CRON_SECRET, CronRoute
from web.context import Context, Here

__all__ = ["router"]

router = APIRouter(
    prefix="/api/cron",
    tags=["cron"],
    route_class=CronRoute,
    dependencies=[CRON_SECRET],
    responses=documented(401, 404, 422, 503),
)

_ACTOR = "cron"
Named = Annotated[str | None, Query(description="the source's name")]


class Begun(BaseModel):
    """A run was asked for; what becomes of it is a session of the source."""

    success: Literal[True] = True
    source: str
    mode: Mode
    flow_run_id: str = Field(description="the run in Prefect; its session has it too")
    status_url: str = Field(description="where the source's state is told (with INTERNAL_API_KEY)")


class ResetBody(BaseModel):
    """Which source's breaker to close."""

    model_config = ConfigDict(extra="forbid")

    source: str


class WasReset(BaseModel):
    """The breaker is closed."""

    success: Literal[True] = True
    source: str
    before: BreakerJson
    after: BreakerJson


@router.get("/sync", status_code=202)
async def sync(here: Here, response: Response, source: Named = None, mode: Mode = Mode.INCREMENTAL) -> Begun:
    """Start a run of the source; where one is under way, or its breaker is open, this one is recorded as skipped."""
    wanted = _named(here, source, "?source=NAME")
    here.settings.base_url(wanted.upstream.name)
    flow_run_id = await here.controls.run_now(here.settings, wanted.name, mode=mode, trigger=Trigger.API)
    response.headers["Cache-Control"] = "no-store"
    status_url = f"/api/sync/status?source={quote(wanted.name)}"
    return Begun(source=wanted.name, mode=mode, flow_run_id=flow_run_id, status_url=status_url)


@router.post("/sync/reset")
async def reset(here: Here, source: Named = None, body: ResetBody | None = None) -> WasReset:
    """Close the source's breaker, so that its next run goes; the audit log names `cron`."""
    posted = None if body is None else body.source
    if source and posted and source != posted:
        raise HTTPException(422, f"the query names {source!r}, but the body {posted!r}: name one source")
    wanted = _named(here, source or posted, '?source=NAME or {"source": "NAME"}')
    breakers = Breakers(here.store)
    before = await asyncio.to_thread(breakers.state, wanted)
    await here.controls.reset_breaker(here.settings, here.store, wanted.name, actor=_ACTOR)
    after = await asyncio.to_thread(breakers.state, wanted)
    told = [breaker_json(status, wanted.breaker) for status in (before, after)]
    return WasReset(source=wanted.name, before=told[0], after=told[1])


def _named(here: Context, source: str | None, how: str) -> Source:
    """The source that the request names.

    Raises:
        HTTPException: it names none.
        UnknownSourceError: there is none of this name.
    """
    if not source:
        raise HTTPException(422, f"source is missing: send {how}; there are: {', '.join(here.names) or 'none'}")
    name = here.require(source)
    return next(one for one in here.sources if one.name == name)
