"""A session counts every request that was sent for it, and sends no more than its source allows."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from syncline.errors import DatabaseUnavailableError, RequestCeilingError
from syncline.model.page import Answer, Request, Transport
from syncline.store import sessions
from syncline.store.engine import Store

__all__ = ["Metered", "Sent", "counted"]


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


@runtime_checkable
class _Counting(Protocol):
    """A transport that knows how many requests it sent."""

    @property
    def requests(self) -> int:
        """The number so far."""
        ...


@dataclass(kw_only=True)
class Sent:
    """What an attempt sent beyond what its work had put on record, or less than that; known when it ends."""

    beyond: int = 0


@contextmanager
def counted(store: Store, session_id: str, transport: object) -> Generator[Sent]:
    """Put on record what is sent meanwhile, however the block ends.

    What pages count themselves is in the session's row by then, and may be too much (several pages of one answer) or
    too little (what failed); the difference is added. Blocks may lie in each
    other: the outer one finds nothing left. A transport that does not count is left alone.
    """
    sent = Sent()
    if not isinstance(transport, _Counting):
        yield sent
        return
    begun, recorded = transport.requests, _recorded(store, session_id)
    try:
        yield sent
    finally:
        with suppress(DatabaseUnavailableError):  # whatever ended the block says more
            sent.beyond = transport.requests - begun - (_recorded(store, session_id) - recorded)
            if sent.beyond:
                with store.write() as connection:
                    sessions.add_requests(connection, session_id, sent.beyond)


def _recorded(store: Store, session_id: str) -> int:
    with store.read() as connection:
        return sessions.requests_of(connection, session_id)
