"""Mentions: the tweets that mention us, and the entries that they are."""

from flows.x import RETRY, X, user_id
from syncline.model.contests import Tweet
from syncline.model.policies import Deletes, Mode
from syncline.model.session import Tally
from syncline.model.source import Source
from syncline.upstreams.x import Mentions
from tasks.admit import admit
from tasks.enter import enter
from tasks.flow import sync_flow
from tasks.prune import prune
from tasks.pull import pull

__all__ = ["TWITTER_POLLER", "twitter_poller"]

TWITTER_POLLER = Source(
    name="twitter_poller",
    aliases=("twitterPoller",),
    upstream=X,
    pages=Mentions(user_id=user_id),
    table=Tweet,
    updated_field="created_at",
    retry=RETRY,
    spends={"mentions": 1},
    jitter_seconds=5,
    timeout_seconds=100,
    deletes=Deletes(never=True, full_pass_every_seconds=None),  # X shows the newest 800 alone
)


@sync_flow(TWITTER_POLLER)
async def twitter_poller(mode: Mode = Mode.INCREMENTAL) -> Tally:
    """Store the mentions that are new, and enter them into the open round."""
    await admit(TWITTER_POLLER, mode)
    tally = await pull(TWITTER_POLLER, mode)
    tally += await prune(TWITTER_POLLER, mode)
    await enter(TWITTER_POLLER)
    return tally
