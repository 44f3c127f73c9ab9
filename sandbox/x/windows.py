"""What X says of a window in the headers of each answer."""

from datetime import datetime
from math import ceil

from sandbox.windows import Window

OTHER_LIMIT, OTHER_REMAINING, OTHER_RESET_SECONDS = 450, 449, 3
"""What a 429 says of another bucket."""


def window_headers(window: Window, now: datetime, *, limit: int, seconds: float) -> dict[str, str]:
    """What every answer says of the window. The reset is rounded up: a client that waits for it is admitted."""
    running = window.began if window.is_open(now, seconds) else None
    left = limit if running is None else max(0, limit - window.used)
    return limit_headers(limit, left, ceil((running or now).timestamp() + seconds))


def other_headers(now: datetime) -> dict[str, str]:
    """What X says at times with a 429: the state of another bucket."""
    return limit_headers(OTHER_LIMIT, OTHER_REMAINING, ceil(now.timestamp()) + OTHER_RESET_SECONDS)


def limit_headers(limit: int, remaining: int, reset: int) -> dict[str, str]:
    """X's three headers; the reset is a number of seconds since 1970."""
    return {
        "x-rate-limit-limit": str(limit),
        "x-rate-limit-remaining": str(remaining),
        "x-rate-limit-reset": str(reset),
    }
