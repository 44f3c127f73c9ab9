from collections.abc import Mapping

from sandbox.clock import Clock, utc_now
from sandbox.feeds.feed import Feed
from sandbox.feeds.kinds import KINDS
from sandbox.feeds.pools import POOLS

SIZES = {"airdrops": 120, "airdrops_upcoming": 40, "quests": 180, "points": 60, "sponsored": 24, "community": 45}
"""Items at the start."""


class Feeds:
    """All feeds by name: the same for the same seed, until they are changed."""

    def __init__(self, *, seed: int, pools: int, clock: Clock = utc_now) -> None:
        sizes = {**SIZES, POOLS.name: pools}
        self.by_name: Mapping[str, Feed] = {
            kind.name: Feed(kind, seed=seed, count=sizes[kind.name], clock=clock) for kind in (*KINDS, POOLS)
        }

    def __getitem__(self, name: str) -> Feed:
        return self.by_name[name]

    def tick(self) -> None:
        """The few changes that a little time brings to each feed."""
        for feed in self.by_name.values():
            feed.tick()
