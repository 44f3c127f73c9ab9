"""Quests: tasks that a project rewards."""

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

__all__ = ["QUESTS", "sync_quests"]

QUESTS = Source(
    name="quests",
    upstream=feed_upstream("quests", requests_an_hour=60),
    pages=feeds.quests,
    table=Listing,
    fields={
        "external_id": "quest_id",
        "title": "headline",
        "project": "partner.name",
        "chain": "network",
        "reward": "rewards.text",
        "starts_at": "window.from",
        "ends_at": "window.to",
        "updated_at": "modified",
    },
    retry=RETRY,
    breaker=BREAKER,
    deletes=DELETES,
)


@sync_flow(QUESTS)
async def sync_quests(mode: Mode = Mode.INCREMENTAL, *, force: bool = False) -> Tally:
    """Bring the listings of `quests` in step with their feed."""
    await admit(QUESTS, mode)
    tally = await pull(QUESTS, mode)
    return tally + await prune(QUESTS, mode, force=force)
