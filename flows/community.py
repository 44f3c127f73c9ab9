"""Community listings: sent in by anybody, and shown only after a moderator approved them."""

from flows.feeds import BREAKER, DELETES, RETRY, feed_upstream
from syncline import Dataset, Mode, Source, Tally
from syncline.listings import Listing, feeds
from tasks import admit, prune, pull, sync_flow

__all__ = ["COMMUNITY", "sync_community"]

COMMUNITY = Source(
    name="community",
    upstream=feed_upstream("community", requests_an_hour=30),
    dataset=Dataset(
        pages=feeds.community,
        table=Listing,
        fields={
            "external_id": "id",
            "kind": "category",
            "url": "link",
            "description": "text",
            "updated_at": "submitted_at",
        },
        moderated=True,
        deletes=DELETES,
    ),
    retry=RETRY,
    breaker=BREAKER,
)


@sync_flow(COMMUNITY)
async def sync_community(mode: Mode = Mode.INCREMENTAL, *, force: bool = False) -> Tally:
    """Bring the listings of `community` up to date with their feed."""
    await admit(COMMUNITY, mode)
    tally = await pull(COMMUNITY, mode)
    return tally + await prune(COMMUNITY, mode, force=force)
