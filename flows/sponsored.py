"""Sponsored listings: paid for, and live at once."""

from flows.feeds import BREAKER, DELETES, RETRY, feed_upstream
from syncline import Dataset, Mode, Source, Tally
from syncline.listings import Listing, feeds
from tasks import admit, prune, pull, sync_flow

__all__ = ["SPONSORED", "sync_sponsored"]

SPONSORED = Source(
    name="sponsored",
    upstream=feed_upstream("sponsored", requests_an_hour=120),
    dataset=Dataset(
        pages=feeds.sponsored,
        table=Listing,
        fields={
            "external_id": "campaign",
            "project": "sponsor",
            "kind": "placement",
            "url": "target_url",
            "description": "copy",
            "starts_at": "runs.from",
            "ends_at": "runs.until",
        },
        deletes=DELETES,
    ),
    retry=RETRY,
    breaker=BREAKER,
)


@sync_flow(SPONSORED)
async def sync_sponsored(mode: Mode = Mode.INCREMENTAL, *, force: bool = False) -> Tally:
    """Bring the listings of `sponsored` up to date with their feed."""
    await admit(SPONSORED, mode)
    tally = await pull(SPONSORED, mode)
    return tally + await prune(SPONSORED, mode, force=force)
