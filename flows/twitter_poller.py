"""Mentions: the tweets that mention us, and the entries that they are."""

from flows.x import RETRY, X, user_id
from syncline import Dataset, Deletes, Mode, Source, Tally
from syncline.contests import Mentions, Tweet
from tasks import admit, enter, prune, pull, sync_flow

__all__ = ["TWITTER_POLLER", "twitter_poller"]

TWITTER_POLLER = Source(
    name="twitter_poller",
    aliases=("twitterPoller",),
    upstream=X,
    dataset=Dataset(
        pages=Mentions(user_id=user_id),
        table=Tweet,
        updated_field="created_at",
        deletes=Deletes(never=True, full_pass_every_seconds=None),  # X shows the newest 800 alone
    ),
    retry=RETRY,
    spends={"mentions": 1},
    jitter_seconds=5,
    timeout_seconds=100,
)


@sync_flow(TWITTER_POLLER)
async def twitter_poller(mode: Mode = Mode.INCREMENTAL) -> Tally:
    """Store the mentions that are new, and enter them into the open round."""
    await admit(TWITTER_POLLER, mode)
    tally = await pull(TWITTER_POLLER, mode)
    tally += await prune(TWITTER_POLLER, mode)
    await enter(TWITTER_POLLER)
    return tally
