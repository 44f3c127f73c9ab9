"""Paging by position: offset and limit, or ranges."""

import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

from syncline.errors import RejectedError
from syncline.model.page import Json, Page
from syncline.upstreams.offset_walk import OffsetWalk, Position
from syncline.upstreams.reader import Fetched, Reader
from syncline.upstreams.walk import paths_of, resume_place, stream

__all__ = ["Offset", "Range"]

_OK = 200
_PAST_THE_END = 416


@dataclass(frozen=True, kw_only=True)
class Offset:
    """`offset=0&limit=100`, then on by what was received, until the total is reached or nothing more comes.

    Each request overlaps the one before by one item, so that a list that moves under the pass is noticed.

    Attributes:
        offset: the parameter for the position of the first item, counted from 0.
        limit: the parameter for the size; None if the server takes none.
        page_size: how many items are asked for.
        more: dotted path of a value that is true while there are more items; `!last` for one that is true at the end.
    """

    offset: str = "offset"
    limit: str | None = "limit"
    page_size: int = 100
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
        place = resume_place(resume, Position, reader) or Position(offset=0, size=self.page_size)
        return stream(OffsetWalk(self, reader, place))

    async def slice(self, reader: Reader, start: int, count: int) -> Fetched:
        """The items from position `start` on, about `count`."""
        if start == 0:
            return await reader.get(self._asking(start, count))
        return await reader.get_past_the_end(self._asking(start, count))

    def tells_more(self, got: Fetched) -> bool | None:
        """Whether the answer says that there is more; None if it says nothing."""
        return got.truth(self.more)

    def _asking(self, start: int, count: int) -> dict[str, str]:
        asking = {self.offset: str(start)}
        return asking if self.limit is None else {**asking, self.limit: str(count)}


@dataclass(frozen=True, kw_only=True)
class Range:
    """Header `Range: items=0-99` (RFC 9110, section 14), answered with 206 and `Content-Range`; 416 is the end.

    A server that answers 200 gave the whole list.

    Attributes:
        unit: what the server counts.
        page_size: how many items are asked for.
    """

    unit: str = "items"
    page_size: int = 100

    @property
    def shifting(self) -> bool:
        """Always: an item that is deleted moves all after it forward."""
        return True

    @property
    def reads(self) -> tuple[str, ...]:
        """Nothing: the headers say all."""
        return ()

    def walk(self, reader: Reader, resume: Json) -> AsyncGenerator[Page, None]:
        """Yield the pages, from `resume` on, several under way at once."""
        place = resume_place(resume, Position, reader) or Position(offset=0, size=self.page_size)
        return stream(OffsetWalk(self, reader, place))

    async def slice(self, reader: Reader, start: int, count: int) -> Fetched:
        """The items from position `start` on, about `count`."""
        try:
            got = await reader.get({}, {"Range": f"{self.unit}={start}-{start + count - 1}"})
        except RejectedError as error:
            if error.status != _PAST_THE_END:
                raise
            return Fetched(rows=[], refused=error if start else None)
        if got.status == _OK:
            return replace(got, rows=got.rows[start:])
        total = re.search(r"/(\d{1,18})$", got.content_range or "")
        return replace(got, total=int(total[1])) if total else got

    def tells_more(self, got: Fetched) -> bool | None:
        """No where the whole list came; None else."""
        return False if got.status == _OK else None
