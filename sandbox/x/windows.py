from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

OTHER_LIMIT, OTHER_REMAINING, OTHER_RESET_SECONDS = 450, 449, 3
"""What a 429 says of another bucket."""


@dataclass(kw_only=True)
class Window:
    """A budget as X enforces it: so many requests in a fixed window that begins with the first of them."""

    began: datetime | None = None
    """None before the first request."""
    used: int = 0
    """Requests admitted in the window that began last."""
    admitted: int = 0
    """Requests admitted in all."""
    refused: int = 0
    """429s given in all."""
    fullest: int = 0
    """The most requests that any window admitted."""

    def take(self, now: datetime, *, limit: int, seconds: float) -> bool:
        """Admit a request, or refuse it."""
        if self.began is None or not self.is_open(now, seconds):
            self.began, self.used = now, 0
        if self.used >= limit:
            self.refused += 1
            return False
        self.used += 1
        self.admitted += 1
        self.fullest = max(self.fullest, self.used)
        return True

    def is_open(self, now: datetime, seconds: float) -> bool:
        """Whether the window that began last still counts."""
        return self.began is not None and now < self.began + timedelta(seconds=seconds)

    def headers(self, now: datetime, *, limit: int, seconds: float) -> dict[str, str]:
        """What every answer says of the window. The reset is rounded up: a client that waits for it is admitted."""
        running = self.began if self.began is not None and self.is_open(now, seconds) else None
        left = limit if running is None else max(0, limit - self.used)
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
