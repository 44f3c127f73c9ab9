"""An upstream in memory that answers with bodies as they are, for what only bytes can say."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import httpx

from syncline.model.page import Ask, Page, Request
from syncline.upstreams.client import Received
from syncline.upstreams.rest import RestPages

__all__ = ["BodyPages"]


@dataclass(kw_only=True)
class BodyPages:
    """One page a pass: `body`, which the test may change; its items stand at `items`."""

    body: bytes = b'{"data":[]}'
    items: str = "data"
    incremental: bool = False
    shifting: bool = False
    name: str = "depot"
    max_in_flight: int = 1
    asked: list[str] = field(default_factory=list[str])

    def show(self, *items: bytes) -> None:
        """Answer with these items from now on."""
        self.body = b'{"data":[' + b",".join(items) + b"]}"

    def __call__(self, transport: object, ask: Ask) -> AsyncGenerator[Page]:
        """The connector's protocol."""
        del transport
        return RestPages(path="things", items=self.items)(self, ask)

    async def send(self, request: Request) -> Received:
        """The transport's protocol."""
        self.asked.append(request.path)
        return Received(content=self.body, headers=httpx.Headers(), status_code=200, url=f"http://depot/{request.path}")
