"""Walks through pages: what each kind of paging offers, and what all walks share."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from xxhash import xxh3_64_intdigest

from syncline.errors import CursorExpiredError
from syncline.model.ending import End, Ending
from syncline.model.page import Json, Page
from syncline.upstreams.reader import Fetched, Reader

__all__ = [
    "Ahead",
    "Paging",
    "Visited",
    "Walk",
    "paths_of",
    "refuse_null",
    "resume_place",
    "stream",
]

PlaceT = TypeVar("PlaceT")
T = TypeVar("T")


class Paging(Protocol):
    """How one dataset's pages are asked for, one after the other or several at once."""

    @property
    def shifting(self) -> bool:
        """Whether pages are counted, so that items that come or go move others across their bounds."""
        ...

    @property
    def reads(self) -> tuple[str, ...]:
        """The dotted paths that are read in each body."""
        ...

    def walk(self, reader: Reader, resume: Json) -> AsyncGenerator[Page, None]:
        """Yield the pages, from `resume` on."""
        ...


def paths_of(declared: str | None) -> tuple[str, ...]:
    """The path that a declared one, such as `!last`, has read in each body; none if none is declared."""
    return () if declared is None else (declared.removeprefix("!"),)


def resume_place(resume: Json, place: type[PlaceT], reader: Reader) -> PlaceT | None:
    """The place that a resume token names; None for the beginning.

    Raises:
        CursorExpiredError: the token is of another kind of paging: the declaration was changed under the pass.
    """
    if resume is None:
        return None
    try:
        return msgspec.convert(resume, place)
    except msgspec.ValidationError:
        message = f"{reader.path}: the checkpoint does not fit the way of paging that is declared now"
        raise CursorExpiredError(message, upstream=reader.name) from None


class Visited:
    """The pages and cursors that a walk has met, so that a circle of any length is noticed within one round.

    It is not stored: a walk that was resumed notices a circle within a round of its own.
    """

    def __init__(self, cursor: str | None) -> None:
        """Begin at `cursor`."""
        self._pages: set[int] = set()
        self._cursors: set[int] = set()
        self.asks(cursor)

    def saw(self, got: Fetched) -> bool:
        """Whether a page with the same rows came before; note it."""
        return bool(got.rows) and _noted(self._pages, got.digest)

    def asks(self, cursor: str | None) -> bool:
        """Whether the page at `cursor` was asked for before; note it."""
        return cursor is not None and _noted(self._cursors, xxh3_64_intdigest(cursor.encode("utf-8", "replace")))


def _noted(among: set[int], number: int) -> bool:
    if number in among:
        return True
    among.add(number)
    return False


def refuse_null(reader: Reader, got: Fetched, ending: Ending | None) -> None:
    """Take null in place of the list for an empty page, unless the upstream says that there is more.

    Raises:
        UnavailableError: it does: the page failed.
    """
    if got.is_null and ending is not None and ending.end is End.CONTRADICTED:
        reader.fail(f"its list is null, but {ending.reason}")


class Walk(Protocol):
    """A way through all pages, one step at a time."""

    @property
    def over(self) -> bool:
        """Whether the last page was given."""
        ...

    async def next_page(self) -> Page:
        """The next page."""
        ...

    async def close(self) -> None:
        """Stop fetching."""
        ...


async def stream(walk: Walk) -> AsyncGenerator[Page, None]:
    """The pages of `walk`; when closed, nothing stays under way."""
    try:
        while not walk.over:
            yield await walk.next_page()
    finally:
        await walk.close()


class Ahead(Generic[T]):
    """Answers that are awaited in the order in which they were asked for, however they arrive."""

    def __init__(self) -> None:
        self._tasks: deque[asyncio.Task[T]] = deque()

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def failed(self) -> bool:
        """Whether one failed already, so that no more should be asked for."""
        return any(task.done() and not task.cancelled() and task.exception() for task in self._tasks)

    def add(self, request: Coroutine[Any, Any, T]) -> None:
        """Start one more."""
        self._tasks.append(asyncio.create_task(request))

    async def head(self) -> T:
        """The oldest answer, which stays in line."""
        return await asyncio.shield(self._tasks[0])

    async def take(self) -> T:
        """The oldest answer, which leaves the line."""
        answer = await self.head()
        self._tasks.popleft()
        return answer

    async def close(self) -> None:
        """Cancel all that is under way, and wait until it is over."""
        tasks = list(self._tasks)
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
