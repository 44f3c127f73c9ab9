"""Quests: tasks that a project rewards."""

from flows.feeds import BREAKER, DELETES, RETRY, feed_upstream
from syncline import Dataset, Mode, Source, Tally
from syncline.listings import Listing, feeds
from tasks import admit, prune, pull, sync_flow

__all__ = ["QUESTS", "sync_quests"]

QUESTS = Source(
    name="quests",
    upstream=feed_upstream("quests", requests_an_hour=60),
    dataset=Dataset(
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
        deletes=DELETES,
    ),
    retry=RETRY,
    breaker=BREAKER,
)


@sync_flow(QUESTS)
async def sync_quests(mode: Mode = Mode.INCREMENTAL, *, force: bool = False) -> Tally:
    """Bring the listings of `quests` up to date with their feed."""
    await admit(QUESTS, mode)
    tally = await pull(QUESTS, mode)
    return tally + await prune(QUESTS, mode, force=force)
