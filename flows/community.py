"""Community listings: sent in by anybody, and shown only after somebody approved them."""

from flows.feeds import BREAKER, DELETES, RETRY, feed_upstream
from syncline.model.listings import Listing
from syncline.model.policies import Mode
from syncline.model.session import Tally
from syncline.model.source import Source
from syncline.upstreams import feeds
from tasks.admit import admit
from tasks.flow import sync_flow
from tasks.prune import prune
from tasks.pull import pull

__all__ = ["COMMUNITY", "sync_community"]

COMMUNITY = Source(
    name="community",
    upstream=feed_upstream("community", requests_an_hour=30),
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
    retry=RETRY,
    breaker=BREAKER,
    deletes=DELETES,
)


@sync_flow(COMMUNITY)
async def sync_community(mode: Mode = Mode.INCREMENTAL, *, force: bool = False) -> Tally:
    """Bring the listings of `community` in step with their feed."""
    await admit(COMMUNITY, mode)
    tally = await pull(COMMUNITY, mode)
    return tally + await prune(COMMUNITY, mode, force=force)
