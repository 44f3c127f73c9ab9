"""What a lookup means for the entries that were asked for: decided purely, applied by `syncline.contests.checking`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from syncline.contests.entries import Found
from syncline.contests.tables import Entry, EntryStatus
from syncline.contests.x.lookup import LookedUp

__all__ = ["SECOND_LOOK_AFTER", "decide"]

SECOND_LOOK_AFTER = timedelta(seconds=60)
"""How much later a second look must find them missing as well, for tweets to be gone of which X says nothing."""
_MANY = 10
"""So many tweets, and more than half of a batch, do not go silently at once without a second look."""


def decide(entries: Sequence[Entry], looked_up: LookedUp, now: datetime) -> list[Found]:
    """What each of `entries` is from now on; those of which nothing is clear are left out.

    X may say nothing of a tweet that is gone. Where it says nothing of any of them, or most of a batch is missing in
    that way, it may as well be X that is unwell: they keep their status until a second look, a minute later or more,
    finds them missing too.
    """
    newly = [one for one in entries if one.tweet_id in looked_up.silent and one.status is not EntryStatus.DELETED]
    says_nothing = len(looked_up.silent) == len(entries)
    is_suspicious = says_nothing or (len(newly) >= _MANY and 2 * len(newly) > len(entries))
    return [
        _found(one, looked_up, now, doubted=is_suspicious and one.tweet_id in looked_up.silent)
        for one in entries
        if one.tweet_id not in looked_up.unclear
    ]


def _found(entry: Entry, looked_up: LookedUp, now: datetime, *, doubted: bool) -> Found:
    if entry.tweet_id in looked_up.present:
        return Found(tweet_id=entry.tweet_id, status=EntryStatus.PUBLIC)
    if entry.tweet_id in looked_up.protected:
        return Found(tweet_id=entry.tweet_id, status=EntryStatus.PROTECTED)
    since = entry.missing_since
    is_second = since is not None and now - since >= SECOND_LOOK_AFTER
    if doubted and not is_second and entry.status is not EntryStatus.DELETED:
        return Found(tweet_id=entry.tweet_id, status=entry.status, missing_since=since or now, is_final=False)
    return Found(tweet_id=entry.tweet_id, status=EntryStatus.DELETED)
