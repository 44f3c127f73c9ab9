"""X: what its services share. Budgets as the contests have them: 10 mentions and 15 lookups in any 15 minutes."""

from syncline import Auth, Budget, Retry, SlidingWindow, TokenBucket, Upstream
from syncline.contests import LOOKUP_PATH, MENTIONS_PATH
from tasks.context import settings

__all__ = ["RETRY", "X", "user_id"]

_WINDOW_SECONDS = 900


def _budget(name: str, paths: str, requests: int) -> Budget:
    """A token bucket that also keeps X's own window: a full bucket that refills would admit twice as many."""
    wall = SlidingWindow(limit=requests, period_seconds=_WINDOW_SECONDS)
    bucket = TokenBucket(capacity=requests, refill_per_second=requests / _WINDOW_SECONDS, wall=wall)
    return Budget(name=name, policy=bucket, paths=paths)


X = Upstream(
    name="x",
    auth=Auth.BEARER,
    needs_user=True,
    timeout_seconds=20,
    budgets=(_budget("mentions", MENTIONS_PATH, 10), _budget("tweetLookup", LOOKUP_PATH, 15)),
)
RETRY = Retry(attempts=3, delays_seconds=(2, 5))


def user_id() -> str:
    """The user whose mentions are read; read when a poll begins.

    Raises:
        MissingSettingError: it is not set.
    """
    return settings().user_id(X.name)
