from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil


@dataclass(kw_only=True)
class Window:
    """A budget as servers enforce it: so many requests in a fixed window that begins with the first of them."""

    began: datetime | None = None
    """None before the first request."""
    used: int = 0
    """Requests admitted in the window that began last."""
    admitted: int = 0
    """Requests admitted in all."""
    refused: int = 0
    """Requests refused in all."""
    fullest: int = 0
    """The most requests that any window admitted."""

    def take(self, now: datetime, *, limit: int, seconds: float, cost: int = 1) -> bool:
        """Admit what costs as much as `cost` requests, or refuse it whole."""
        if self.began is None or not self.is_open(now, seconds):
            self.began, self.used = now, 0
        if self.used + cost > limit:
            self.refused += cost
            return False
        self.used += cost
        self.admitted += cost
        self.fullest = max(self.fullest, self.used)
        return True

    def is_open(self, now: datetime, seconds: float) -> bool:
        """Whether the window that began last still counts."""
        return self.began is not None and now < self.began + timedelta(seconds=seconds)

    def left_seconds(self, now: datetime, seconds: float) -> int:
        """Whole seconds until a new window may begin, rounded up: a client that waits for so long is admitted."""
        if self.began is None or not self.is_open(now, seconds):
            return 0
        return ceil((self.began - now).total_seconds() + seconds)
