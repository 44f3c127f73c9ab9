"""Ids that tell their time: 41 bits of milliseconds, 22 bits that tell those of one millisecond apart."""

from datetime import UTC, datetime, timedelta

from sandbox.clock import stamp

EPOCH_MS = 1_288_834_974_657
"""Where X's ids begin to count, in milliseconds since 1970."""
SPARE_BITS = 22
_1970 = datetime.fromtimestamp(0, UTC)


def lowest_id(instant: datetime) -> int:
    """The lowest id of an instant's millisecond."""
    return ((instant - _1970) // timedelta(milliseconds=1) - EPOCH_MS) << SPARE_BITS


def created_at(tweet_id: int) -> str:
    """When an id was made, as X writes it: cut to the second, and with milliseconds all the same."""
    instant = _1970 + timedelta(milliseconds=(tweet_id >> SPARE_BITS) + EPOCH_MS)
    return stamp(instant)[:19] + ".000Z"
