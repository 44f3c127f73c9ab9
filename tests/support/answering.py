"""A transport in memory: whatever a test's function answers to the parameters of a request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

import httpx
import msgspec

from syncline.errors import CursorExpiredError, RefusedError, RejectedError
from syncline.model.page import Request
from syncline.upstreams.client import Received

__all__ = ["Answering", "Refusal"]


@dataclass(frozen=True)
class Refusal:
    """An answer with a 4xx status."""

    status: int


@dataclass
class Answering:
    """Answers each request with `answer(query)`: a body, bytes, or a `Refusal`.

    Attributes:
        asked: the parameters of each request, in order.
    """

    answer: Callable[[Mapping[str, str]], object]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    name: str = "odd"
    max_in_flight: int = 8
    origin: str = "http://odd"
    asked: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    async def send(self, request: Request) -> Received:
        """The transport's protocol."""
        path = request.path
        query = {**dict(parse_qsl(urlsplit(path).query, keep_blank_values=True)), **dict(request.params)}
        self.asked.append(query)
        assert len(self.asked) < 200, "this walk has no end"
        body = self.answer(query)
        if isinstance(body, Refusal):
            kind = {403: RefusedError, 410: CursorExpiredError}.get(body.status, RejectedError)
            message = "there is no such page"
            raise kind(message, upstream=self.name, status=body.status)
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return Received(
            content=content, headers=httpx.Headers(self.headers), status_code=200, url=f"http://odd/{path.lstrip('/')}"
        )
