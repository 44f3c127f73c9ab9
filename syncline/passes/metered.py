"""A session's requests, counted against the ceiling that its source declares."""

from __future__ import annotations

from dataclasses import dataclass

from syncline.errors import RequestCeilingError
from syncline.model.page import Answer, Request, Transport

__all__ = ["Metered"]


@dataclass(kw_only=True)
class Metered:
    """A transport that sends no more than `ceiling` requests, `sent` of which were sent before."""

    transport: Transport
    ceiling: int
    sent: int = 0

    @property
    def name(self) -> str:
        """The upstream's name."""
        return self.transport.name

    @property
    def max_in_flight(self) -> int:
        """How many requests may be under way at once."""
        return self.transport.max_in_flight

    async def send(self, request: Request) -> Answer:
        """Ask the upstream.

        Raises:
            RequestCeilingError: the ceiling is reached.
        """
        if self.sent >= self.ceiling:
            raise RequestCeilingError(self.transport.name, self.ceiling)
        self.sent += 1
        return await self.transport.send(request)
