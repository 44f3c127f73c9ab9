"""Yields: what pools pay, in the shape of DefiLlama's `/pools` (https://yields.llama.fi)."""

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

__all__ = ["YIELD", "sync_yield"]

YIELD = Source(
    name="yield",
    upstream=feed_upstream("yield", requests_an_hour=30),
    pages=feeds.pools,
    table=Listing,
    fields={
        "external_id": "pool",
        "title": "symbol",
        "kind": "exposure",
        "tvl_usd": "tvlUsd",
    },
    retry=RETRY,
    breaker=BREAKER,
    deletes=DELETES,
)


@sync_flow(YIELD)
async def sync_yield(mode: Mode = Mode.INCREMENTAL, *, force: bool = False) -> Tally:
    """Bring the listings of `yield` in step with their feed."""
    await admit(YIELD, mode)
    tally = await pull(YIELD, mode)
    return tally + await prune(YIELD, mode, force=force)
