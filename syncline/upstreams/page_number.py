"""Paging by page number."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

import msgspec

from syncline.errors import RejectedError
from syncline.model.ending import CONFIRMED_HOLES, REACHED, End, Ending, Following, Told, conclude
from syncline.model.page import Json, Page
from syncline.upstreams.reader import Fetched, Reader
from syncline.upstreams.walk import Ahead, Visited, paths_of, refuse_null, resume_place, stream

__all__ = ["PageNumber"]


@dataclass(frozen=True, kw_only=True)
class PageNumber:
    """`page=1&per_page=100`, `page=2&per_page=100`, … until the total is reached, or a page is empty.

    A merely short page is never taken for the last: the server may cap the size without a word, or leave out rows. Nor
    is an empty one after a full one, before the page after it is empty as well. A server that gives its last page
    for each number after it, or refuses those (400, 404), is understood.

    Attributes:
        page: the parameter for the number.
        size: the parameter for the size; None if the server takes none.
        page_size: how many items are asked for.
        first: the number of the first page, 1 or 0.
        more: dotted path of a value that is true (or a link, a number) while there are more pages; `!last` for one
            that is true on the last.
    """

    page: str = "page"
    size: str | None = "per_page"
    page_size: int = 100
    first: int = 1
    more: str | None = None

    @property
    def shifting(self) -> bool:
        """Always: an item that is deleted moves all after it forward."""
        return True

    @property
    def reads(self) -> tuple[str, ...]:
        """Where the body says whether there is more."""
        return paths_of(self.more)

    def walk(self, reader: Reader, resume: Json) -> AsyncGenerator[Page, None]:
        """Yield the pages, from `resume` on, several under way at once."""
        place = resume_place(resume, _Place, reader)
        return stream(_PageNumberWalk(self, reader, place or _Place(page=self.first, size=self.page_size)))


class _Place(msgspec.Struct, kw_only=True):
    """Where the next page is, and what the answers said so far.

    Attributes:
        size: how many items a page really holds.
        total: what the first page said of it.
        received: how many rows came.
        least: the lowest total that was told with rows.
        empty_pages: how many answers in a row had no items, up to here.
        after_full: whether the last answer with items was full.
    """

    page: int
    size: int
    total: int | None = None
    received: int = 0
    least: int | None = None
    empty_pages: int = 0
    after_full: bool = False


class _PageNumberWalk:
    def __init__(self, paging: PageNumber, reader: Reader, place: _Place) -> None:
        self.over = False
        self._paging = paging
        self._reader = reader
        self._place = place
        self._total = place.total
        self._ahead = Ahead[Fetched]()
        self._to_ask = place.page
        self._visited = Visited(None)
        self._newest: Fetched | None = None  # the last page with rows
        self._was_full = False  # whether the page before the newest one was full
        self._comes_short = False  # whether a page came short although others follow
        self._width = 1  # grows with each page: a list of one page is not worth eight requests

    async def close(self) -> None:
        await self._ahead.close()

    async def next_page(self) -> Page:
        self._ask_ahead(self._width)
        got = await self._ahead.take()
        if got.refused is not None:
            await self._check_refusal(got.refused)
        if self._visited.saw(got):
            return await self._page_again(got)
        self._note_totals(got)
        told = self._told(got, received=self._place.received + len(got.rows))
        ending = conclude(told)
        refuse_null(self._reader, got, ending)
        rows, requests = await self._whole(got, ending)
        hole, moved = bool(got.rows) and self._place.empty_pages > 0, self._counts_anew(got)
        self._count(got, self._place.received + len(rows))
        return self._page(got, rows, ending, requests=requests, moved=hole or moved, recounted=not hole)

    def _told(self, got: Fetched, *, received: int, repeats: bool = False) -> Told:
        place = self._place
        beyond = place.least is not None and place.received <= place.least <= self._position
        empty_pages = 0 if got.rows else place.empty_pages + 1
        return Told(
            following=Following.COUNTED,
            rows=len(got.rows),
            received=min(received, self._position + len(got.rows)),  # what was read twice is not counted twice
            total=place.least if place.least is not None else got.total,
            more=got.truth(self._paging.more),
            repeats=repeats,
            is_short=len(got.rows) < place.size,
            is_behind_full=place.after_full,
            empty_pages=empty_pages if got.rows or not (beyond or got.refused) else max(empty_pages, CONFIRMED_HOLES),
            more_at=self._paging.more,
        )

    def _note_totals(self, got: Fetched) -> None:
        place = self._place
        if got.rows or place.page == self._paging.first:  # past the end, some servers say that there are none at all
            self._total = got.total if got.total is not None else self._total
        if got.rows and got.total is not None:
            place.least = got.total if place.least is None else min(place.least, got.total)

    def _counts_anew(self, got: Fetched) -> bool:
        """Whether the total has changed since the first page."""
        place, changes = self._place, bool(got.rows) and None not in {self._place.total, got.total}
        return changes and place.total != got.total

    def _count(self, got: Fetched, received: int) -> None:
        """Note what came, and go to the next number."""
        place, self._was_full = self._place, self._place.after_full
        place.received = received
        if got.rows:
            place.empty_pages, place.after_full, self._newest = 0, len(got.rows) >= place.size, got
        else:
            place.empty_pages += 1
        place.page += 1
        place.total = got.total if place.total is None else place.total
        self._width = min(self._reader.ahead, 2 * self._width)

    def _page(
        self,
        got: Fetched,
        rows: list[bytes],
        ending: Ending | None,
        *,
        requests: int = 1,
        moved: bool = False,
        recounted: bool = False,
    ) -> Page:
        """The page; an empty one after a short one is joined to it: nothing is left that could slip between them."""
        self.over = ending is not None
        return Page(
            rows=rows,
            resume=None if self.over else msgspec.to_builtins(self._place),
            total=self._total,
            page_size=self._place.size,
            answered_at=got.answered_at,
            requests=requests,
            moved=moved,
            joined=not got.rows and not self._was_full,
            recounted=recounted,
            ending=ending,
        )

    @property
    def _position(self) -> int:
        return (self._place.page - self._paging.first) * self._place.size

    async def _check_refusal(self, refused: RejectedError) -> None:
        """Take a refused page for one after the end, if the page before it can still be read.

        Raises:
            RejectedError: it cannot.
        """
        place = self._place
        if place.least is not None and place.received >= place.least:
            return
        known = await self._fetch(place.page - 1, place.size)
        if known.refused is not None or not (known.rows or place.empty_pages):
            raise refused

    async def _page_again(self, got: Fetched) -> Page:
        """Handle a page that came before: it is the end, a server that ignores the number, or a fault of the server."""
        place = self._place
        ending = conclude(self._told(got, received=place.received, repeats=True)) or REACHED
        requests = 1
        if ending.end is End.CIRCLES and place.least is None and got.truth(self._paging.more) is None:
            if place.page == self._paging.first + 1:
                requests += 1
                ending = await self._one_page(got)
            elif self._newest is not None and got.digest == self._newest.digest:
                self._ask_ahead(1)
                behind = await self._ahead.head() if self._ahead else got
                if behind.rows and behind.digest != got.digest:
                    self._count(replace(got, rows=[]), place.received)
                    return self._page(got, [], None)
                ending = REACHED
        return self._page(got, [], ending, requests=requests)

    async def _one_page(self, got: Fetched) -> Ending:
        """Whether page 2 is page 1 again because there is but one, or because the number is ignored.

        Pages of one item tell: the second item has page 2, if numbers count.
        """
        paging = self._paging
        if paging.size is not None and len(got.rows) > 1:
            second = await self._reader.get(self._asking(paging.first + 1, 1))
            if second.rows == got.rows[1:2]:
                return REACHED
        said = f"is {paging.page!r} the right parameter? If all items come at once, use OnePage"
        return Ending(end=End.CIRCLES, reason=f"page {paging.first + 1} is page {paging.first} again; {said}")

    async def _whole(self, got: Fetched, ending: Ending | None) -> tuple[list[bytes], int]:
        """The rows of a page, and the requests they took; a short one may be capped, or the last."""
        place = self._place
        if not got.rows or len(got.rows) >= place.size:
            return got.rows, 1
        if place.page == self._paging.first:
            place.size = place.size if ending is not None else len(got.rows)
            return got.rows, 1
        if ending is None:
            self._ask_ahead(1)
            following = await self._ahead.head()
            self._comes_short = self._comes_short or (bool(following.rows) and following.digest != got.digest)
        return await self._mended(got.rows) if self._comes_short else (got.rows, 1)

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
        asking = self._asking(number, size)
        return await (self._reader.get if number == self._paging.first else self._reader.get_past_the_end)(asking)

    def _asking(self, number: int, size: int) -> dict[str, str]:
        asking = {self._paging.page: str(number)}
        return asking if self._paging.size is None else {**asking, self._paging.size: str(size)}
