"""A way through pages: what each kind of paging offers, and how it is walked."""

from collections.abc import AsyncGenerator
from typing import Protocol, TypeVar

import msgspec

from syncline.errors import CursorExpiredError
from syncline.model.page import Json, Page
from syncline.upstreams.reader import Reader

__all__ = ["Paging", "Walk", "resume_place", "stream"]

PlaceT = TypeVar("PlaceT")


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
