"""The walk over positions in a list that may move."""

from dataclasses import dataclass
from typing import Protocol

import msgspec
from xxhash import xxh3_64_hexdigest

from syncline.model.page import Page
from syncline.upstreams.ahead import Ahead
from syncline.upstreams.reader import Fetched, Reader

__all__ = ["Position", "Sliced", "Slices"]


class Sliced(Protocol):
    """A way of asking for items by position."""

    async def slice(self, reader: Reader, start: int, count: int) -> Fetched:
        """The items from position `start` on, about `count`."""
        ...

    def ends(self, got: Fetched) -> bool | None:
        """Whether the answer says that it is the last; None where it says nothing."""
        ...


class Position(msgspec.Struct, kw_only=True):
    """Where the next page is.

    Attributes:
        size: how many items an answer really holds.
        last: digest of the item before `offset`.
        total: what the first page said of it.
    """

    offset: int
    size: int
    last: str | None = None
    total: int | None = None


@dataclass(frozen=True, kw_only=True)
class _Step:
    """One answer, its overlap taken off."""

    rows: list[bytes]
    got: Fetched
    moved: bool
    requests: int = 1


class Slices:
    """Walks a list by positions, several slices under way at once, each overlapping the one before by one item."""

    def __init__(self, paging: Sliced, reader: Reader, place: Position) -> None:
        """Walk from `place` on."""
        self.over = False
        self._paging = paging
        self._reader = reader
        self._place = place
        self._total = place.total
        self._ahead = Ahead[tuple[int, Fetched]]()
        self._to_ask = place.offset
        self._overlaps = True
        self._width = 1  # grows with each full page: a list of one page is not worth eight requests

    async def close(self) -> None:
        """Stop fetching."""
        await self._ahead.close()

    async def next_page(self) -> Page:
        """The next page."""
        self._ask_ahead()
        start, got = await self._ahead.take()
        if got.rows or start == 0:  # past the end, some servers say that there are none at all
            self._total = got.total if got.total is not None else self._total
        step = await self._without_overlap(start, got)
        end, short = start + len(got.rows), len(got.rows) < self._place.size
        self.over = self._is_last(step, end, short=short)
        self._width = min(self._reader.ahead, 2 * self._width)
        if short and not self.over:
            await self._shorten(end, len(got.rows))
        return self._turned(step, end)

    async def _shorten(self, end: int, received: int) -> None:
        """Go on behind what was received; what is under way was asked for too far ahead."""
        await self._ahead.close()
        self._to_ask, self._width = end, 1
        if self._place.offset == 0:
            self._place.size = received

    def _turned(self, step: _Step, end: int) -> Page:
        """The page, with the place behind it."""
        place, got = self._place, step.got
        moved = bool(got.rows) and None not in {place.total, got.total} and place.total != got.total
        place.total = got.total if place.total is None else place.total
        place.offset = end
        place.last = xxh3_64_hexdigest(got.rows[-1]) if got.rows else place.last
        return Page(
            rows=step.rows,
            resume=None if self.over else msgspec.to_builtins(place),
            total=self._total,
            page_size=max(1, place.size - 1),
            answered_at=got.answered_at,
            requests=step.requests,
            moved=moved or step.moved,
        )

    def _is_last(self, step: _Step, end: int, *, short: bool) -> bool:
        """Whether there is nothing behind. A full page is never the last, whatever the total: totals are capped."""
        if not step.got.rows:
            return True
        told = self._paging.ends(step.got)
        if told is not None:
            return told
        if short and self._total is not None and end >= self._total:
            return True
        self._overlaps = bool(step.rows)  # nothing but the overlap came: the end, or a cap of one item; ask behind it
        return False

    async def _without_overlap(self, start: int, got: Fetched) -> _Step:
        """The rows behind the last page's last row; where that stands elsewhere now, the list has moved."""
        place = self._place
        if start == place.offset or place.last is None:
            return _Step(rows=got.rows, got=got, moved=False)
        at = _index(got.rows, place.last)
        if at is not None:
            return _Step(rows=got.rows[at + 1 :], got=got, moved=at > 0)
        back = max(0, start - place.size)
        before = await self._paging.slice(self._reader, back, start - back) if start > back else Fetched(rows=[])
        at = _index(before.rows, place.last)
        missed = before.rows if at is None else before.rows[at + 1 :]
        return _Step(rows=missed + got.rows, got=got, moved=True, requests=2)

    def _ask_ahead(self) -> None:
        while len(self._ahead) < self._width and not self._ahead.failed and self._is_worth_asking():
            overlap = 1 if self._to_ask and self._place.size > 1 and self._overlaps else 0
            start = self._to_ask - overlap
            self._ahead.add(self._fetch(start, self._place.size))
            self._to_ask = start + self._place.size

    def _is_worth_asking(self) -> bool:
        """Whether the total leaves room for another page; without a total, emptiness tells the end."""
        return not self._ahead or self._total is None or self._to_ask < self._total

    async def _fetch(self, start: int, count: int) -> tuple[int, Fetched]:
        return start, await self._paging.slice(self._reader, start, count)


def _index(rows: list[bytes], digest: str) -> int | None:
    """Where the row with this digest stands."""
    return next((at for at, row in enumerate(rows) if xxh3_64_hexdigest(row) == digest), None)
