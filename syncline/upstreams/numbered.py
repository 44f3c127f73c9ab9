"""Paging by page number."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import msgspec

from syncline.model.page import Json, Page
from syncline.upstreams.ahead import Ahead
from syncline.upstreams.reader import Fetched, Reader
from syncline.upstreams.walk import resume_place, stream

__all__ = ["PageNumber"]


@dataclass(frozen=True, kw_only=True)
class PageNumber:
    """`page=1&per_page=100`, `page=2&per_page=100`, … until the total is reached, or a page is empty.

    A merely short page is never taken for the last: the server may cap the size without a word, or leave out rows.

    Attributes:
        page: the parameter for the number.
        size: the parameter for the size; None where the server takes none.
        page_size: how many items are asked for.
        first: the number of the first page, 1 or 0.
        more: dotted path of a value that is true (or a link, a number) while there are more pages.
    """

    page: str = "page"
    size: str | None = "per_page"
    page_size: int = 100
    first: int = 1
    more: str | None = None

    @property
    def shifting(self) -> bool:
        """Always: an item that goes moves all behind it to the front."""
        return True

    @property
    def reads(self) -> tuple[str, ...]:
        """Where the body says whether there is more."""
        return () if self.more is None else (self.more,)

    def walk(self, reader: Reader, resume: Json) -> AsyncGenerator[Page, None]:
        """Yield the pages, from `resume` on, several under way at once."""
        place = resume_place(resume, _Place, reader)
        return stream(_Numbered(self, reader, place or _Place(page=self.first, size=self.page_size)))


class _Place(msgspec.Struct, kw_only=True):
    """Where the next page is.

    Attributes:
        size: how many items a page really holds.
        total: what the first page said of it.
    """

    page: int
    size: int
    total: int | None = None


class _Numbered:
    def __init__(self, paging: PageNumber, reader: Reader, place: _Place) -> None:
        self.over = False
        self._paging = paging
        self._reader = reader
        self._place = place
        self._total = place.total
        self._ahead = Ahead[Fetched]()
        self._to_ask = place.page
        self._comes_short = False  # whether a page came short although others follow
        self._width = 1  # grows with each page: a list of one page is not worth eight requests

    async def close(self) -> None:
        await self._ahead.close()

    async def next_page(self) -> Page:
        self._ask_ahead(self._width)
        got = await self._ahead.take()
        place, rows, requests = self._place, got.rows, 1
        if got.rows or place.page == self._paging.first:  # past the end, some servers say that there are none at all
            self._total = got.total if got.total is not None else self._total
        self.over = self._is_last(got)
        if rows and len(rows) < place.size:
            if place.page > self._paging.first:
                rows, requests = await self._checked(rows)
            elif not self.over:
                place.size = len(rows)
        return self._turned(got, rows, requests)

    def _turned(self, got: Fetched, rows: list[bytes], requests: int) -> Page:
        """The page, with the place behind it."""
        place = self._place
        place.page += 1
        moved = bool(got.rows) and None not in {place.total, got.total} and place.total != got.total
        place.total = got.total if place.total is None else place.total
        self._width = min(self._reader.ahead, 2 * self._width)
        return Page(
            rows=rows,
            resume=None if self.over else msgspec.to_builtins(place),
            total=self._total,
            page_size=place.size,
            answered_at=got.answered_at,
            requests=requests,
            moved=moved,
        )

    def _is_last(self, got: Fetched) -> bool:
        """Whether the answer itself says so. A full page is never the last, whatever the total: totals are capped."""
        if not got.rows:
            return True
        more = got.truth(self._paging.more)
        if more is not None:
            return not more
        short = len(got.rows) < self._place.size
        return short and self._total is not None and self._position + len(got.rows) >= self._total

    @property
    def _position(self) -> int:
        return (self._place.page - self._paging.first) * self._place.size

    async def _checked(self, rows: list[bytes]) -> tuple[list[bytes], int]:
        """The rows of a short page that is not the first, and the requests it took: the last one, or a capped one."""
        if not self.over:
            self._ask_ahead(1)
            followed = bool((await self._ahead.head()).rows)
            self.over, self._comes_short = not followed, self._comes_short or followed
        return await self._mended(rows) if self._comes_short else (rows, 1)

    async def _mended(self, rows: list[bytes]) -> tuple[list[bytes], int]:
        """The rows of a page that came short in the middle, and the requests it took.

        Its place is asked for again in pages as small as the server gave: a cap that came while the pass runs.
        """
        size, start = len(rows), self._position
        found, requests = dict.fromkeys(rows), 1
        for number in range(start // size, (start + self._place.size - 1) // size + 1):
            got = await self._fetch(self._paging.first + number, size)
            found.update(dict.fromkeys(got.rows))
            requests += 1
            if len(got.rows) < size:  # no cap: the server just leaves out rows
                break
        return list(found), requests

    def _ask_ahead(self, width: int) -> None:
        while len(self._ahead) < width and not self._ahead.failed and (not self._ahead or self._is_worth_asking()):
            self._ahead.add(self._fetch(self._to_ask, self._place.size))
            self._to_ask += 1

    def _is_worth_asking(self) -> bool:
        """Whether the total leaves room for the next page; without a total, its emptiness tells the end."""
        return self._total is None or (self._to_ask - self._paging.first) * self._place.size < self._total

    async def _fetch(self, number: int, size: int) -> Fetched:
        if number == self._paging.first:
            return await self._reader.get(self._asking(number, size))
        known = self._asking(self._paging.first, size)
        return await self._reader.get_past_the_end(self._asking(number, size), known=known)

    def _asking(self, number: int, size: int) -> dict[str, str]:
        asking = {self._paging.page: str(number)}
        return asking if self._paging.size is None else {**asking, self._paging.size: str(size)}
