"""The walk from page to page by marks, the next one under way while one is worked on."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeAlias

import msgspec

from syncline.model.page import Json, Page
from syncline.upstreams.ahead import Ahead
from syncline.upstreams.reader import Fetched, Reader
from syncline.upstreams.walk import resume_place, stream

__all__ = ["chain"]

Ask: TypeAlias = Callable[[str | None], Awaitable[Fetched]]
MarkOf: TypeAlias = Callable[[Fetched], str | None]
_EMPTY_PAGES = 100
"""So many empty pages in a row, each promising more, are a server that never ends."""


def chain(reader: Reader, resume: Json, ask: Ask, mark_of: MarkOf) -> AsyncGenerator[Page, None]:
    """Yield the pages from `resume` on: `ask` fetches the page at a mark, `mark_of` finds the next mark in it."""
    place = resume_place(resume, _Place, reader)
    return stream(_Chain(reader, ask, mark_of, None if place is None else place.mark))


class _Place(msgspec.Struct, kw_only=True):
    """Where the next page is."""

    mark: str


class _Chain:
    def __init__(self, reader: Reader, ask: Ask, mark_of: MarkOf, mark: str | None) -> None:
        self.over = False
        self._reader = reader
        self._ask = ask
        self._mark_of = mark_of
        self._mark = mark
        self._empty_pages = 0
        self._ahead = Ahead[Fetched]()

    async def close(self) -> None:
        await self._ahead.close()

    async def next_page(self) -> Page:
        if not self._ahead:
            self._ahead.add(self._fetch(self._mark))
        got = await self._ahead.take()
        mark = self._mark_of(got)
        self._check_progress(got, mark)
        self.over, self._mark = mark is None, mark
        if mark is not None and self._reader.ahead > 1:
            self._ahead.add(self._fetch(mark))
        return Page(
            rows=got.rows,
            resume=None if mark is None else {"mark": mark},
            total=got.total,
            answered_at=got.answered_at,
        )

    def _check_progress(self, got: Fetched, mark: str | None) -> None:
        self._empty_pages = 0 if got.rows else self._empty_pages + 1
        if mark is not None and (mark == self._mark or self._empty_pages > _EMPTY_PAGES):
            self._reader.reject(f"paging does not come to an end: after {self._mark!r} it says {mark!r} is next")

    async def _fetch(self, mark: str | None) -> Fetched:
        return await self._ask(mark)
