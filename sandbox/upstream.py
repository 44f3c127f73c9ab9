from collections.abc import Awaitable
from typing import Protocol, TypeVar

from aiohttp import web

from sandbox.fault_book import Order, of_kind
from sandbox.faults import Fault

FaultT = TypeVar("FaultT", bound=Fault)

STRUCK = web.RequestKey("struck", list[Order])
"""The fault orders that strike a request; an upstream reads those that concern its data."""


class Upstream(Protocol):
    """One simulated API: an object that registers its routes on the shared app.

    Faults and the request log are around it already; nothing but its own protocol is its business.
    """

    def register(self, app: web.Application) -> None:
        """Add the routes, its own controls under /sandbox/NAME/ included."""
        ...

    def live(self) -> Awaitable[None]:
        """Change as time passes, until cancelled."""
        ...


def struck_by(request: web.Request, kind: type[FaultT]) -> list[tuple[Order, FaultT]]:
    """The orders of one kind of fault that strike this request."""
    return of_kind(request.get(STRUCK, []), kind)
