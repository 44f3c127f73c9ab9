"""Airdrops that run now."""

from flows.feeds import BREAKER, DELETES, RETRY, feed_upstream
from syncline import Dataset, Mode, Source, Tally
from syncline.listings import Listing, feeds
from tasks import admit, prune, pull, sync_flow

__all__ = ["AIRDROPS", "sync_airdrops"]

AIRDROPS = Source(
    name="airdrops",
    upstream=feed_upstream("airdrops", requests_an_hour=60),
    dataset=Dataset(
        pages=feeds.airdrops,
        table=Listing,
        fields={
            "external_id": "slug",
            "title": "name",
            "project": "project.name",
            "kind": "category",
            "url": "link",
            "reward": "reward.text",
        },
        deletes=DELETES,
    ),
    retry=RETRY,
    breaker=BREAKER,
)


@sync_flow(AIRDROPS)
async def sync_airdrops(mode: Mode = Mode.INCREMENTAL, *, force: bool = False) -> Tally:
    """Bring the listings of `airdrops` up to date with their feed."""
    await admit(AIRDROPS, mode)
    tally = await pull(AIRDROPS, mode)
    return tally + await prune(AIRDROPS, mode, force=force)
