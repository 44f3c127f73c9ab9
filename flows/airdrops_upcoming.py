"""Airdrops that are announced."""

from flows.feeds import BREAKER, DELETES, RETRY, feed_upstream
from syncline import Dataset, Mode, Source, Tally
from syncline.listings import Listing, feeds
from tasks import admit, prune, pull, sync_flow

__all__ = ["AIRDROPS_UPCOMING", "sync_airdrops_upcoming"]

AIRDROPS_UPCOMING = Source(
    name="airdrops_upcoming",
    upstream=feed_upstream("airdrops_upcoming", requests_an_hour=15),
    dataset=Dataset(
        pages=feeds.upcoming,
        table=Listing,
        fields={
            "external_id": "id",
            "kind": "type",
            "starts_at": "expected_at",
        },
        deletes=DELETES,
    ),
    retry=RETRY,
    breaker=BREAKER,
)


@sync_flow(AIRDROPS_UPCOMING)
async def sync_airdrops_upcoming(mode: Mode = Mode.INCREMENTAL, *, force: bool = False) -> Tally:
    """Bring the listings of `airdrops_upcoming` up to date with their feed."""
    await admit(AIRDROPS_UPCOMING, mode)
    tally = await pull(AIRDROPS_UPCOMING, mode)
    return tally + await prune(AIRDROPS_UPCOMING, mode, force=force)
