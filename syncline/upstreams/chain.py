"""The walk from page to page by marks, the next one under way while one is worked on."""

from collections.abc import AsyncGenerator
from typing import Protocol, TypeAlias

import msgspec

from syncline.model.ending import Following, Told, conclude
from syncline.model.page import Json, Page
from syncline.upstreams.ahead import Ahead
from syncline.upstreams.reader import Fetched, Reader
from syncline.upstreams.walk import Been, refuse_null, resume_place, stream

__all__ = ["Known", "Marks", "Next", "chain"]

Known: TypeAlias = dict[str, bool | int | list[int] | None]
"""What a kind of paging has learned of the list, by name."""


class Next(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer says of the page behind it.

    Attributes:
        mark: where it is; None: none is named.
        is_said: whether the answer has the declared place at all, if only with null in it.
        rows: the answer's rows, without those that were asked for again.
        objection: why the mark cannot be trusted to lead past all items, though it leads on.
    """

    rows: list[bytes]
    mark: str | None
    is_said: bool = True
    objection: str | None = None


class Marks(Protocol):
    """A kind of paging by marks."""

    async def ask(self, mark: str | None) -> Fetched:
        """The page at `mark`; None: the first."""
        ...

    def next(self, got: Fetched, mark: str | None) -> Next:
        """What the answer at `mark` says of the page behind it."""
        ...

    def remembered(self) -> Known:
        """What has to be known to go on in another process."""
        return {}

    def remember(self, known: Known) -> None:
        """Go on with what was `remembered`."""

    @property
    def next_at(self) -> str | None:
        """Where it stands in the answer; None where that need not be there on any page."""
        ...

    @property
    def more_at(self) -> str | None:
        """Where the answer says whether there is more; None where it is not asked."""
        ...

    @property
    def size_asked(self) -> int | None:
        """How many rows are asked for; None: the server decides."""
        ...


def chain(reader: Reader, resume: Json, marks: Marks) -> AsyncGenerator[Page, None]:
    """Yield the pages from `resume` on."""
    return stream(_Chain(reader, marks, resume_place(resume, _Place, reader) or _Place()))


class _Place(msgspec.Struct, kw_only=True):
    """Where the next page is, and what the answers said so far.

    Attributes:
        mark: None before the first page.
        received: how many rows came.
        total: the lowest total that was told with rows.
        is_said: whether any answer had the place where the next mark stands.
        objection: what speaks against the end, as far as is known here.
        empty_pages: how many answers in a row had no rows, up to here.
        known: what the kind of paging remembers.
    """

    mark: str | None = None
    received: int = 0
    total: int | None = None
    is_said: bool = False
    objection: str | None = None
    empty_pages: int = 0
    known: Known = msgspec.field(default_factory=dict[str, bool | int | list[int] | None])


class _Chain:
    def __init__(self, reader: Reader, marks: Marks, place: _Place) -> None:
        self.over = False
        self._reader = reader
        self._marks = marks
        self._place = place
        self._inherited = place.objection  # found by an earlier process; it cannot be checked again here
        self._been = Been(place.mark)
        marks.remember(place.known)
        self._ahead = Ahead[Fetched]()

    async def close(self) -> None:
        await self._ahead.close()

    async def next_page(self) -> Page:
        place, marks = self._place, self._marks
        if not self._ahead:
            self._ahead.add(self._fetch(place.mark))
        got = await self._ahead.take()
        following = marks.next(got, place.mark)
        comes_again, leads_back = self._been.saw(got), self._been.asks(following.mark)
        told = self._told(got, following, comes_again=comes_again, leads_back=leads_back)
        ending = conclude(told)
        refuse_null(self._reader, got, ending)
        self._go_on(following, told)
        self.over = ending is not None
        if ending is None and self._reader.ahead > 1:
            self._ahead.add(self._fetch(following.mark))
        return Page(
            rows=[] if comes_again else following.rows,
            resume=None if self.over else msgspec.to_builtins(place),
            total=got.total,
            page_size=marks.size_asked,
            answered_at=got.answered_at,
            ending=ending,
        )

    def _told(self, got: Fetched, following: Next, *, comes_again: bool, leads_back: bool) -> Told:
        place, size = self._place, self._marks.size_asked
        totals = [total for total in (place.total, got.total if got.rows else None) if total is not None]
        place.empty_pages = 0 if got.rows else place.empty_pages + 1
        is_said = following.is_said or place.is_said or self._marks.next_at is None
        named = Following.NONE if is_said else Following.UNSAID
        return Told(
            following=named if following.mark is None else Following.NAMED,
            rows=len(got.rows),
            received=place.received + (0 if comes_again else len(following.rows)),
            total=min(totals, default=got.total),
            more=got.truth(self._marks.more_at),
            repeats=comes_again or leads_back,
            is_short=size is not None and len(got.rows) < size,
            empty_pages=place.empty_pages,
            objection=following.objection or self._inherited,
            next_at=self._marks.next_at,
            more_at=self._marks.more_at,
        )

    def _go_on(self, following: Next, told: Told) -> None:
        place = self._place
        place.mark, place.received, place.objection = following.mark, told.received, told.objection
        place.total = told.total if told.rows else place.total
        place.is_said, place.known = place.is_said or following.is_said, self._marks.remembered()

    async def _fetch(self, mark: str | None) -> Fetched:
        return await self._marks.ask(mark)
