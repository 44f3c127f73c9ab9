"""The listing feeds' datasets: where each has its list, and how it is paged."""

from syncline.upstreams.paging import Cursor, Keyset, Link, Offset, PageNumber
from syncline.upstreams.rest import RestPages

__all__ = ["airdrops", "community", "points", "pools", "quests", "sponsored", "upcoming"]

_SIZE = 100
"""A short pass leaves most of an hour's requests to others."""

airdrops = RestPages(path="/airdrops", items="data", paging=PageNumber(page_size=_SIZE), total="total")
upcoming = RestPages(path="/upcoming", items="items", paging=Cursor(size="limit", page_size=_SIZE))
quests = RestPages(path="/quests", items="quests", paging=Offset(page_size=_SIZE), total="total")
pools = RestPages(path="/pools", items="data")
"""DefiLlama's: all pools in one answer."""
points = RestPages(path="/programs", paging=Link(size="per_page", page_size=_SIZE))
sponsored = RestPages(
    path="/campaigns", items="campaigns", paging=Link(next_at="links.next", size="per_page", page_size=_SIZE)
)
community = RestPages(
    path="/submissions", items="submissions", paging=Keyset(key="id", more="has_more", page_size=_SIZE)
)
