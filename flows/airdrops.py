"""Airdrops that run now."""

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

__all__ = ["AIRDROPS", "sync_airdrops"]

AIRDROPS = Source(
    name="airdrops",
    upstream=feed_upstream("airdrops", requests_an_hour=60),
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
    retry=RETRY,
    breaker=BREAKER,
    deletes=DELETES,
)


@sync_flow(AIRDROPS)
async def sync_airdrops(mode: Mode = Mode.INCREMENTAL, *, force: bool = False) -> Tally:
    """Bring the listings of `airdrops` in step with their feed."""
    await admit(AIRDROPS, mode)
    tally = await pull(AIRDROPS, mode)
    return tally + await prune(AIRDROPS, mode, force=force)
