"""An upstream in memory: a connector over a list that tests change while a pass walks it."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

from support.shop import Row, raw
from syncline.model.page import Ask, Json, Page, Request
from syncline.model.policies import Mode

__all__ = ["ListPages", "NoTransport"]


class NoTransport:
    """A transport for connectors that need no network; it must never be called."""

    name = "nothing"
    max_in_flight = 8

    async def send(self, request: Request) -> NoReturn:
        message = f"nothing may be fetched over the network, but {request.path} was"
        raise AssertionError(message)


@dataclass(kw_only=True)
class ListPages:
    """Page numbers over `rows`, which the test may change at any time; each page shows the list of its moment.

    Attributes:
        rows: the upstream's items, in its order.
        page_size: items in a full page.
        cap: the server's own largest page, where it has one.
        tells_total: whether each page says how many items there are.
        notices_moves: whether each page is seen to follow the one before, as connectors that overlap can.
        incremental: whether it can be asked for what changed.
        shifting: whether items may be skipped when others come or go.
        clock: tells the upstream's time; None: it tells no time.
        tombstones: keys that are said to be gone, by page number.
        fetched: the numbers of the pages that were asked for, in order.
        asked: what was asked for, each time.
    """

    rows: list[Row] = field(default_factory=list[Row])
    page_size: int = 10
    cap: int | None = None
    tells_total: bool = True
    notices_moves: bool = True
    incremental: bool = False
    shifting: bool = True
    clock: Callable[[], datetime] | None = None
    tombstones: dict[int, list[int | str]] = field(default_factory=dict[int, "list[int | str]"])
    fetched: list[int] = field(default_factory=list[int])
    asked: list[Ask] = field(default_factory=list[Ask])
    _errors: dict[int, list[Exception]] = field(default_factory=dict[int, list[Exception]])
    _events: dict[int, list[Callable[[], object]]] = field(default_factory=dict[int, list[Callable[[], object]]])

    def fail_at(self, page: int, *errors: Exception) -> None:
        """Raise each of `errors` once when page number `page` (from 1) is asked for."""
        self._errors.setdefault(page, []).extend(errors)

    def before(self, page: int, event: Callable[[], object]) -> None:
        """Do `event` once, just before page number `page` is given."""
        self._events.setdefault(page, []).append(event)

    def calm(self) -> None:
        """Forget the errors and events that have not come yet."""
        self._errors.clear()
        self._events.clear()

    async def __call__(self, transport: object, ask: Ask) -> AsyncGenerator[Page]:
        """The connector's protocol."""
        del transport
        self.asked.append(ask)
        place: Any = ask.resume or {"page": 1, "last": None}
        while place is not None:
            page = self._page(place["page"], place["last"], ask)
            place = page.resume
            yield page

    def _page(self, number: int, last: Json, ask: Ask) -> Page:
        self.fetched.append(number)
        for event in self._events.pop(number, []):
            event()
        if errors := self._errors.get(number):
            raise errors.pop(0)
        rows, size = self._asked_for(ask), min(self.page_size, self.cap or self.page_size)
        start = (number - 1) * size
        shown = rows[start : start + size]
        before = rows[start - 1]["id"] if 0 < start <= len(rows) else None
        resume = {"page": number + 1, "last": shown[-1]["id"]} if start + size < len(rows) else None
        return Page(
            rows=[raw(row) for row in shown],
            tombstones=tuple(self.tombstones.get(number, ())),
            resume=resume,
            total=len(rows) if self.tells_total else None,
            page_size=size,
            answered_at=None if self.clock is None else self.clock(),
            moved=self.notices_moves and number > 1 and before != last,
            joined=self.notices_moves and number > 1 and before == last,
        )

    def _asked_for(self, ask: Ask) -> list[Row]:
        since = ask.updated_since
        if ask.mode is Mode.FULL or since is None:
            return self.rows
        return [row for row in self.rows if row["updated_at"] >= since]
