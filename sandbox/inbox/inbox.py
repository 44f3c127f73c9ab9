from collections import deque
from dataclasses import dataclass
from typing import Any

from sandbox.clock import Clock, utc_now

KEPT = 10_000
"""So many deliveries are kept."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One webhook that came, whatever was answered."""

    time: str
    """When, ISO 8601 in UTC."""
    id: str | None
    """Its webhook-id."""
    status: int
    """What was answered."""
    problem: str | None
    """What is wrong with its signature; None: nothing, or nobody told the secret."""
    headers: dict[str, str]
    """The webhook's own: `webhook-…` and the content type."""
    body: Any
    """Parsed JSON, or the text where it is none."""


class Inbox:
    """Takes webhooks, checks their signatures, and keeps what came; it may be told to fail."""

    def __init__(self, *, secret: str | None = None, clock: Clock = utc_now) -> None:
        self.secret = secret
        """What webhooks are signed with; None: signatures are not checked."""
        self.clock = clock
        self.deliveries: deque[Delivery] = deque(maxlen=KEPT)
        """Oldest first; the newest only, where they are many."""
        self.failures_left = 0
        """How many webhooks will still be answered with `failure_status`."""
        self.failure_status = 503

    def fail(self, times: int, *, status: int = 503) -> None:
        """Answer the next `times` webhooks with an error; they are on record all the same."""
        self.failures_left, self.failure_status = times, status

    def status_for(self, problem: str | None) -> int:
        """What the next webhook is answered: a failure that was ordered, a refusal, or success."""
        if self.failures_left:
            self.failures_left -= 1
            return self.failure_status
        return 204 if problem is None else 401

    def accepted(self) -> list[Delivery]:
        """Those that were answered with success."""
        return [delivery for delivery in list(self.deliveries) if delivery.status < 300]  # noqa: PLR2004 - the class of HTTP statuses

    def times(self) -> dict[str, int]:
        """How often each webhook-id came."""
        counted: dict[str, int] = {}
        for delivery in list(self.deliveries):
            if delivery.id is not None:
                counted[delivery.id] = counted.get(delivery.id, 0) + 1
        return counted

    def clear(self) -> None:
        """Forget what came, and fail no more."""
        self.deliveries.clear()
        self.failures_left = 0
