"""Listings of many feeds in one table, and their moderation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncline.facade import loader

if TYPE_CHECKING:
    from syncline.listings.feeds import airdrops, community, points, pools, quests, sponsored, upcoming
    from syncline.listings.tables import Listing

__all__ = ["Listing", "airdrops", "community", "points", "pools", "quests", "sponsored", "upcoming"]

_MODULES = {
    "syncline.listings.feeds": ("airdrops", "community", "points", "pools", "quests", "sponsored", "upcoming"),
    "syncline.listings.tables": ("Listing",),
}
__getattr__ = loader(__name__, _MODULES)
