"""Points: loyalty programs, season by season."""

from flows.feeds import BREAKER, DELETES, RETRY, feed_upstream
from syncline import Dataset, Mode, Source, Tally
from syncline.listings import Listing, feeds
from tasks import admit, prune, pull, sync_flow

__all__ = ["POINTS", "sync_points"]

POINTS = Source(
    name="points",
    upstream=feed_upstream("points", requests_an_hour=10),
    dataset=Dataset(
        pages=feeds.points,
        table=Listing,
        fields={
            "external_id": "key",
            "title": "name",
            "project": "protocol",
            "url": "page",
            "reward": "rate.text",
            "ends_at": "season_end",
            "updated_at": "as_of",
        },
        deletes=DELETES,
    ),
    retry=RETRY,
    breaker=BREAKER,
)


@sync_flow(POINTS)
async def sync_points(mode: Mode = Mode.INCREMENTAL, *, force: bool = False) -> Tally:
    """Bring the listings of `points` up to date with their feed."""
    await admit(POINTS, mode)
    tally = await pull(POINTS, mode)
    return tally + await prune(POINTS, mode, force=force)
