"""X's ids tell when they were made: the upper 42 bits of a "snowflake" count milliseconds.

See https://docs.x.com/fundamentals/x-ids, and `IdWorker.scala` of X's own `snowflake` for the beginning of the count.
"""

from datetime import UTC, datetime, timedelta

__all__ = ["first_id", "instant_of"]

_EPOCH_MS = 1_288_834_974_657
"""4 November 2010, 01:42:54.657 UTC, in milliseconds since 1970."""
_SPARE_BITS = 22
"""They tell the ids of one millisecond apart: machine and sequence."""
_1970 = datetime.fromtimestamp(0, UTC)
_MILLISECOND = timedelta(milliseconds=1)


def first_id(instant: datetime) -> int:
    """The lowest id of the instant's millisecond; 0 for what lies before all ids."""
    return max(0, (instant - _1970) // _MILLISECOND - _EPOCH_MS) << _SPARE_BITS


def instant_of(tweet_id: int) -> datetime:
    """When the id was made, UTC, to the millisecond."""
    return _1970 + ((tweet_id >> _SPARE_BITS) + _EPOCH_MS) * _MILLISECOND
