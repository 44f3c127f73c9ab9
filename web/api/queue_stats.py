"""`GET /queue-stats`: how the queue of accounts' jobs stands, for monitors."""

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from syncline.jobs.stats import LaneStats, QueueStats, queue_stats
from syncline.model.policies import Priority
from web.api.errors import documented
from web.api.guard import INTERNAL_API_KEY, InternalRoute
from web.context import Here

__all__ = ["router"]

router = APIRouter(
    tags=["jobs"], route_class=InternalRoute, dependencies=[INTERNAL_API_KEY], responses=documented(401, 503)
)

_DEEPEST = 5


class DeepUser(BaseModel):
    """A user, and how many of their jobs are due and wait."""

    user_id: str
    jobs: int


class LaneJson(BaseModel):
    """The jobs of one priority."""

    depth: int = Field(description="how many are due and wait")
    depth_is_at_least: bool = Field(description="there may be more than were counted")
    oldest_seconds: float | None = Field(description="for how long the first has been due; null: none is")
    per_minute: float = Field(description="how many ended in the last minute")
    deepest_users: list[DeepUser]


class QueueStatsJson(BaseModel):
    """How the queue stands."""

    queues: dict[Priority, LaneJson]
    processing: int
    failed: int = Field(description="dead letters")
    drains: int = Field(description="those that live")
    deepest_users: list[DeepUser] = Field(description="the five with the most jobs that wait, whatever their priority")


@router.get("/queue-stats")
def read_queue_stats(here: Here, response: Response) -> QueueStatsJson:
    """Depth, age and throughput of each priority, and who has the most jobs that wait."""
    with here.store.read() as connection:
        stats = queue_stats(connection, now=here.store.now(connection))
    response.headers["Cache-Control"] = "no-store"
    return QueueStatsJson(
        queues={priority: _lane(lane) for priority, lane in stats.lanes.items()},
        processing=stats.processing,
        failed=stats.failed,
        drains=stats.drains,
        deepest_users=_deepest(stats),
    )


def _lane(lane: LaneStats) -> LaneJson:
    return LaneJson(
        depth=lane.depth,
        depth_is_at_least=lane.depth_is_at_least,
        oldest_seconds=None if lane.oldest_seconds is None else round(lane.oldest_seconds, 3),
        per_minute=lane.per_minute,
        deepest_users=[DeepUser(user_id=user, jobs=number) for user, number in lane.deepest_users],
    )


def _deepest(stats: QueueStats) -> list[DeepUser]:
    """Of those who are among the deepest of any priority."""
    counted: dict[str, int] = {}
    for lane in stats.lanes.values():
        for user, number in lane.deepest_users:
            counted[user] = counted.get(user, 0) + number
    ordered = sorted(counted.items(), key=lambda entry: (-entry[1], entry[0]))[:_DEEPEST]
    return [DeepUser(user_id=user, jobs=number) for user, number in ordered]
