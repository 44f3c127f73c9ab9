"""A source's syncs: metrics and history, starting and stopping its schedule."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.json_schema import SkipJsonSchema

from syncline.model.session import Status
from syncline.status.history import HistoryEntry, as_seed, history
from syncline.status.metrics import Metrics, metrics
from web.api.errors import documented
from web.api.guard import TOKEN, Actor, GuardedRoute
from web.api.numbers import Minutes, plain
from web.context import Here, KnownSource

__all__ = ["router"]

router = APIRouter(
    prefix="/api",
    tags=["sync"],
    route_class=GuardedRoute,
    dependencies=[TOKEN],
    responses=documented(401, 503),
)

_HISTORY_LIMIT = 10


class StartBody(BaseModel):
    """How often the source shall run."""

    model_config = ConfigDict(extra="forbid")

    intervalMinutes: Minutes | SkipJsonSchema[None] = Field(  # noqa: N815 - the seed's name
        default=None, description="minutes between runs; left out: as it was"
    )

    @field_validator("intervalMinutes", mode="before")
    @classmethod
    def _is_no_null(cls, value: object) -> object:
        if value is None:
            raise ValueError("should be a valid number, or left out")
        return value


class Started(BaseModel):
    """The schedule is on; the first run comes in five seconds."""

    success: bool = True
    intervalMinutes: int | float | None = Field(  # noqa: N815 - the seed's name
        description="minutes between runs, from now on; null: a cron decides"
    )


class Stopped(BaseModel):
    """The schedule is off."""

    success: bool = True


class SyncMetrics(BaseModel):
    """How a source's syncs fared, and its last ten sessions, the newest first."""

    metrics: Metrics
    history: list[HistoryEntry]


class History(BaseModel):
    """Sessions, the newest first."""

    history: list[HistoryEntry]


@router.get("/{source}/sync/metrics", responses=documented(404))
def read_metrics(source: KnownSource, here: Here) -> SyncMetrics:
    """How the source's syncs fared, and its last ten sessions."""
    with here.store.read() as connection:
        recent = history(connection, source, limit=_HISTORY_LIMIT)
        return SyncMetrics(metrics=metrics(connection, source), history=[as_seed(session) for session in recent])


@router.post("/{source}/sync/start", responses=documented(404, 422))
async def start(source: KnownSource, here: Here, actor: Actor, body: StartBody | None = None) -> Started:
    """Run the source every so many minutes from now on, also after a restart; without a number, as it ran before."""
    minutes = None if body is None else body.intervalMinutes
    every = None if minutes is None else minutes * 60
    seconds = await here.controls.start(here.settings, here.store, source, every_seconds=every, actor=actor)
    return Started(intervalMinutes=None if seconds is None else plain(seconds / 60))


@router.post("/{source}/sync/stop", responses=documented(404))
async def stop(source: KnownSource, here: Here, actor: Actor) -> Stopped:
    """Schedule no more runs of the source, also after a restart; one that is under way goes on."""
    await here.controls.stop(here.settings, here.store, source, actor=actor)
    return Stopped()


@router.get("/sync/history", responses=documented(404, 422))
def read_history(
    here: Here,
    source: str | None = None,
    status: Status | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 20,
) -> History:
    """The newest sessions of one source or of all, with one status or any."""
    wanted = None if source is None else here.require(source)
    with here.store.read() as connection:
        found = history(connection, wanted, limit=limit, status=status)
    return History(history=[as_seed(session) for session in found])
