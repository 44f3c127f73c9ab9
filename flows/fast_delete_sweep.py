"""The sweep: which of the newest entries were deleted? Tweets that go, go soon."""

from flows.x import RETRY, X
from syncline import Source, Tally
from syncline.contests import newest
from tasks import admit, check, sync_flow

__all__ = ["FAST_DELETE_SWEEP", "fast_delete_sweep"]

FAST_DELETE_SWEEP = Source(
    name="fast_delete_sweep",
    aliases=("fastDeleteSweep",),
    upstream=X,
    retry=RETRY,
    spends={"tweetLookup": 1},
    jitter_seconds=5,
    timeout_seconds=100,
)


@sync_flow(FAST_DELETE_SWEEP)
async def fast_delete_sweep() -> Tally:
    """Check the 100 newest entries that were not checked just now."""
    await admit(FAST_DELETE_SWEEP)
    return await check(FAST_DELETE_SWEEP, newest)
