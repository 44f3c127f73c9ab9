"""What travels between an upstream and the store: requests and answers, pages, and what a pass asks for."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias

from syncline.model.ending import Ending
from syncline.model.policies import Mode

__all__ = ["Answer", "Ask", "Headers", "Json", "Key", "Page", "Pages", "RawItem", "Request", "Transport"]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Key: TypeAlias = int | str
"""An item's identity within its source, as the upstream gives it."""
RawItem: TypeAlias = bytes | memoryview
"""One item as the JSON object that came over the wire."""

_METHOD = re.compile(r"[A-Z]+(?:-[A-Z]+)*")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PROPFIND", "QUERY", "REPORT", "SEARCH"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """What a pass wants of its upstream.

    Attributes:
        mode: all items, or those that changed.
        updated_since: in incremental mode, the instant from which changes are wanted (the lag is taken off already).
        resume: where to go on: the `resume` of the last page that was stored; None at the start.
        time_zone: of instants that the upstream writes without an offset; None: they are UTC.
        asked_at: the present instant, where a time zone is named.
    """

    mode: Mode = Mode.FULL
    updated_since: datetime | None = None
    resume: Json = None
    time_zone: str | None = None
    asked_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Some items, in the upstream's order.

    Attributes:
        rows: each one JSON object, raw.
        tombstones: keys of items that the upstream says are gone.
        resume: what to ask with to get the page after this one; None: this was the last.
        total: how many items the upstream says there are in all, where it says so.
        page_size: how many items the upstream put in a full page, where that is known: tells how many pages there are.
        answered_at: the upstream's clock when it answered (its Date header), where it told.
        requests: how many requests this page took.
        moved: the list was seen to move since the page before: items came, went or changed places under the pass, so
            an item that was not seen may still be there.
        recounted: where it moved: no more than the total was seen to change.
        joined: the page was seen to begin where the one before ended, so no item was skipped between the two.
        ending: on the last page, how the walk ended; None there: the connector has nothing against it.
    """

    rows: Sequence[RawItem]
    tombstones: Sequence[Key] = ()
    resume: Json = None
    total: int | None = None
    page_size: int | None = None
    answered_at: datetime | None = None
    requests: int = 1
    moved: bool = False
    recounted: bool = False
    joined: bool = False
    ending: Ending | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a connector asks of its upstream.

    Attributes:
        path: relative to the upstream's base URL, or an absolute URL on its host.
        method: of HTTP or WebDAV, in capitals.
        params: join the query of `path`; pairs, where one is repeated.
        headers: beside those that the client sends always.
        body: None where the request has none.
        cost: how many requests it counts for in the upstream's budgets.
        accept: statuses that the connector judges itself, such as 304 or 410: such an answer is returned, and is no
            failure. One that asks to slow down is raised all the same.
        max_bytes: how long the answer's body may be; None: as long as the upstream's may be.
    """

    path: str
    method: str = "GET"
    params: Mapping[str, str] | Sequence[tuple[str, str]] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None
    cost: int = 1
    accept: frozenset[int] = frozenset()
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be sent."""
        if not _METHOD.fullmatch(self.method):
            raise ValueError(f"a method of HTTP is written in capitals, but is {self.method!r}")
        if self.cost < 1 or (self.max_bytes is not None and self.max_bytes < 1):
            raise ValueError(f"a request's cost and max_bytes are at least 1, but are {self.cost} and {self.max_bytes}")

    @property
    def is_safe(self) -> bool:
        """Whether it changes nothing by its method alone, so that sending it twice does no harm."""
        return self.method in _SAFE_METHODS


class Transport(Protocol):
    """What a connector needs of the upstream's client."""

    @property
    def name(self) -> str:
        """The upstream's name."""
        ...

    @property
    def max_in_flight(self) -> int:
        """How many requests may be under way at once."""
        ...

    async def send(self, request: Request) -> Answer:
        """Ask the upstream; a request that may change something is sent once at most.

        Raises:
            UpstreamError: it answered with neither success nor an accepted status; which one says what to do.
        """
        ...


class Answer(Protocol):
    """An answer, whole: a success, or one of the statuses that the request accepts."""

    @property
    def url(self) -> str:
        """The address that answered, without credentials: relative links start from it."""
        ...

    @property
    def content(self) -> bytes:
        """The body."""
        ...

    @property
    def headers(self) -> Headers:
        """The headers, looked up in any case."""
        ...

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        ...


class Headers(Protocol):
    """Headers of an answer."""

    def get(self, key: str, default: str | None = None) -> str | None:
        """The value of the header `key`, in any case."""
        ...


class Pages(Protocol):
    """A connector: yields the pages of one dataset, in order."""

    def __call__(self, transport: Transport, ask: Ask) -> AsyncGenerator[Page]:
        """Yield the pages that `ask` wants, from `ask.resume` on.

        The iterator may fetch ahead; it stops fetching when it is closed (`aclose`).
        """
        ...

    @property
    def incremental(self) -> bool:
        """Whether the upstream can tell what changed since an instant."""
        ...

    @property
    def shifting(self) -> bool:
        """Whether an item may be skipped when others come or go while a pass runs (page numbers, offsets)."""
        ...
