"""Validation: are the entries of open rounds still there, and still public? Each in its turn."""

from flows.x import RETRY, X
from syncline import Source, Tally
from syncline.contests import longest_unchecked
from tasks import admit, check, sync_flow

__all__ = ["VALIDATE_ENTRIES", "validate_entries"]

VALIDATE_ENTRIES = Source(
    name="validate_entries",
    aliases=("validateEntries",),
    upstream=X,
    retry=RETRY,
    spends={"tweetLookup": 1},
    jitter_seconds=5,
    timeout_seconds=100,
)


@sync_flow(VALIDATE_ENTRIES)
async def validate_entries() -> Tally:
    """Check the 100 entries whose last check is longest ago."""
    await admit(VALIDATE_ENTRIES)
    return await check(VALIDATE_ENTRIES, longest_unchecked)
