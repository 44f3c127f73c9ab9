"""Yields: what pools pay, in the shape of DefiLlama's `/pools` (https://yields.llama.fi)."""

from flows.feeds import BREAKER, DELETES, RETRY, feed_upstream
from syncline import Dataset, Mode, Source, Tally
from syncline.listings import Listing, feeds
from tasks import admit, prune, pull, sync_flow

__all__ = ["YIELD", "sync_yield"]

YIELD = Source(
    name="yield",
    upstream=feed_upstream("yield", requests_an_hour=30),
    dataset=Dataset(
        pages=feeds.pools,
        table=Listing,
        fields={
            "external_id": "pool",
            "title": "symbol",
            "kind": "exposure",
            "tvl_usd": "tvlUsd",
        },
        deletes=DELETES,
    ),
    retry=RETRY,
    breaker=BREAKER,
)


@sync_flow(YIELD)
async def sync_yield(mode: Mode = Mode.INCREMENTAL, *, force: bool = False) -> Tally:
    """Bring the listings of `yield` up to date with their feed."""
    await admit(YIELD, mode)
    tally = await pull(YIELD, mode)
    return tally + await prune(YIELD, mode, force=force)
