"""A contest on X: tweets become entries, entries are checked, rounds are frozen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncline.facade import loader

if TYPE_CHECKING:
    from syncline.contests.choosing import longest_unchecked, newest
    from syncline.contests.tables import Entry, Round, Snapshot, Tweet
    from syncline.contests.x import LOOKUP_PATH, MENTIONS_PATH, Mentions

__all__ = [
    "LOOKUP_PATH",
    "MENTIONS_PATH",
    "Entry",
    "Mentions",
    "Round",
    "Snapshot",
    "Tweet",
    "longest_unchecked",
    "newest",
]

_MODULES = {
    "syncline.contests.choosing": ("longest_unchecked", "newest"),
    "syncline.contests.tables": ("Entry", "Round", "Snapshot", "Tweet"),
    "syncline.contests.x": ("LOOKUP_PATH", "MENTIONS_PATH", "Mentions"),
}
__getattr__ = loader(__name__, _MODULES)
