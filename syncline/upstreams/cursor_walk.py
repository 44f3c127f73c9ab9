"""The walk from cursor to cursor, the next page under way while one is worked on.

A cursor is whatever names the next page: a token of the server's, a link, or the key of the last item.
"""

from collections.abc import AsyncGenerator
from typing import Protocol, TypeAlias

import msgspec

from syncline.model.ending import Following, Told, conclude
from syncline.model.page import Json, Page
from syncline.upstreams.reader import Fetched, Reader
from syncline.upstreams.walk import Ahead, Visited, refuse_null, resume_place, stream

__all__ = ["Cursors", "Known", "Next", "walk_cursors"]

Known: TypeAlias = dict[str, bool | int | list[int] | None]
"""What a kind of paging has learned of the list, by name."""


class Next(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer says of the page after it.

    Attributes:
        cursor: where it is; None: none is named.
        is_said: whether the answer has the declared place at all, if only with null in it.
        rows: the answer's rows, without those that were asked for again.
        objection: why the cursor cannot be trusted to lead past all items, though it leads on.
    """

    rows: list[bytes]
    cursor: str | None
    is_said: bool = True
    objection: str | None = None


class Cursors(Protocol):
    """A kind of paging by cursors."""

    async def ask(self, cursor: str | None) -> Fetched:
        """The page at `cursor`; None: the first."""
        ...

    def next(self, got: Fetched, cursor: str | None) -> Next:
        """What the answer at `cursor` says of the page after it."""
        ...

    def remembered(self) -> Known:
        """What has to be known to go on in another process."""
        return {}

    def remember(self, known: Known) -> None:
        """Go on with what was `remembered`."""

    @property
    def next_at(self) -> str | None:
        """Where it stands in the answer; None if that need not be there on any page."""
        ...

    @property
    def more_at(self) -> str | None:
        """Where the answer says whether there is more; None if it is not asked."""
        ...

    @property
    def size_asked(self) -> int | None:
        """How many rows are asked for; None: the server decides."""
        ...


def walk_cursors(reader: Reader, resume: Json, cursors: Cursors) -> AsyncGenerator[Page, None]:
    """Yield the pages from `resume` on."""
    return stream(_CursorWalk(reader, cursors, resume_place(resume, _Place, reader) or _Place()))


class _Place(msgspec.Struct, kw_only=True):
    """Where the next page is, and what the answers said so far.

    Attributes:
        cursor: None before the first page; stored as `mark`, the name that it has in checkpoints since 0.1.0.
        received: how many rows came.
        total: the lowest total that was told with rows.
        is_said: whether any answer had the place where the next cursor stands.
        objection: what speaks against the end, as far as is known here.
        empty_pages: how many answers in a row had no rows, up to here.
        known: what the kind of paging remembers.
    """

    cursor: str | None = msgspec.field(default=None, name="mark")
    received: int = 0
    total: int | None = None
    is_said: bool = False
    objection: str | None = None
    empty_pages: int = 0
    known: Known = msgspec.field(default_factory=dict[str, bool | int | list[int] | None])


class _CursorWalk:
    def __init__(self, reader: Reader, cursors: Cursors, place: _Place) -> None:
        self.over = False
        self._reader = reader
        self._cursors = cursors
        self._place = place
        self._inherited = place.objection  # found by an earlier process; it cannot be checked again here
        self._visited = Visited(place.cursor)
        cursors.remember(place.known)
        self._ahead = Ahead[Fetched]()

    async def close(self) -> None:
        await self._ahead.close()

    async def next_page(self) -> Page:
        place, cursors = self._place, self._cursors
        if not self._ahead:
            self._ahead.add(cursors.ask(place.cursor))
        got = await self._ahead.take()
        following = cursors.next(got, place.cursor)
        comes_again, leads_back = self._visited.saw(got), self._visited.asks(following.cursor)
        told = self._told(got, following, comes_again=comes_again, leads_back=leads_back)
        ending = conclude(told)
        refuse_null(self._reader, got, ending)
        self._go_on(following, told)
        self.over = ending is not None
        if ending is None and self._reader.ahead > 1:
            self._ahead.add(cursors.ask(following.cursor))
        return Page(
            rows=[] if comes_again else following.rows,
            resume=None if self.over else msgspec.to_builtins(place),
            total=got.total,
            page_size=cursors.size_asked,
            answered_at=got.answered_at,
            ending=ending,
        )

    def _told(self, got: Fetched, following: Next, *, comes_again: bool, leads_back: bool) -> Told:
        place, size = self._place, self._cursors.size_asked
        totals = [total for total in (place.total, got.total if got.rows else None) if total is not None]
        place.empty_pages = 0 if got.rows else place.empty_pages + 1
        is_said = following.is_said or place.is_said or self._cursors.next_at is None
        named = Following.NONE if is_said else Following.UNSAID
        return Told(
            following=named if following.cursor is None else Following.NAMED,
            rows=len(got.rows),
            received=place.received + (0 if comes_again else len(following.rows)),
            total=min(totals, default=got.total),
            more=got.truth(self._cursors.more_at),
            repeats=comes_again or leads_back,
            is_short=size is not None and len(got.rows) < size,
            empty_pages=place.empty_pages,
            objection=following.objection or self._inherited,
            next_at=self._cursors.next_at,
            more_at=self._cursors.more_at,
        )

    def _go_on(self, following: Next, told: Told) -> None:
        place = self._place
        place.cursor, place.received, place.objection = following.cursor, told.received, told.objection
        place.total = told.total if told.rows else place.total
        place.is_said, place.known = place.is_said or following.is_said, self._cursors.remembered()
