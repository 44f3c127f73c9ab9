"""The walk over positions in a list that may move."""

from dataclasses import dataclass
from typing import Protocol

import msgspec
from xxhash import xxh3_64_hexdigest

from syncline.errors import RejectedError
from syncline.model.ending import CONFIRMED_HOLES, Ending, Following, Told, conclude
from syncline.model.page import Page
from syncline.upstreams.reader import Fetched, Reader
from syncline.upstreams.walk import Ahead, Visited, refuse_null

__all__ = ["OffsetWalk", "Position", "Sliceable"]


class Sliceable(Protocol):
    """A way of asking for items by position."""

    async def slice(self, reader: Reader, start: int, count: int) -> Fetched:
        """The items from position `start` on, about `count`."""
        ...

    def tells_more(self, got: Fetched) -> bool | None:
        """Whether the answer says that there is more; None if it says nothing."""
        ...


class Position(msgspec.Struct, kw_only=True):
    """Where the next page is, and what the answers said so far.

    Attributes:
        size: how many items an answer really holds.
        last: digest of the item before `offset`.
        total: what the first page said of it.
        received: how many items came.
        least: the lowest total that was told with items.
        empty_pages: how many answers in a row had no items, up to here.
        after_full: whether the last answer with items was full.
        objection: why no end of the walk can be believed.
    """

    offset: int
    size: int
    last: str | None = None
    total: int | None = None
    received: int = 0
    least: int | None = None
    empty_pages: int = 0
    after_full: bool = False
    objection: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Step:
    """One answer, its overlap taken off.

    Attributes:
        end: the position after its last item.
        joined: whether it was seen to follow the answer before.
        repeats: whether it brings nothing but what came before, though it should not.
    """

    rows: list[bytes]
    end: int
    moved: bool = False
    joined: bool = False
    repeats: bool = False
    requests: int = 1


class OffsetWalk:
    """Walks a list by positions, several slices under way at once, each overlapping the one before by one item."""

    def __init__(self, paging: Sliceable, reader: Reader, place: Position) -> None:
        """Walk from `place` on."""
        self.over = False
        self._paging = paging
        self._reader = reader
        self._place = place
        self._total = place.total
        self._ahead = Ahead[tuple[int, Fetched]]()
        self._to_ask = place.offset
        self._visited = Visited(None)
        self._overlaps = True
        self._width = 1  # grows with each full page: a list of one page is not worth eight requests

    async def close(self) -> None:
        """Stop fetching."""
        await self._ahead.close()

    async def next_page(self) -> Page:
        """The next page."""
        self._ask_ahead()
        start, got = await self._ahead.take()
        if got.refused is not None:
            await self._check_refusal(got.refused)
        self._note_totals(got, start)
        step = await self._without_overlap(start, got)
        told = self._told(step, got)
        ending = conclude(told)
        refuse_null(self._reader, got, ending)
        self.over = ending is not None
        page = self._page(step, got, ending)
        self._width = min(self._reader.ahead, 2 * self._width)
        if ending is None and len(got.rows) < self._place.size:
            await self._shorten(step.end, len(got.rows))
        return page

    def _told(self, step: _Step, got: Fetched) -> Told:
        place = self._place
        beyond = place.least is not None and place.received <= place.least <= place.offset
        empty_pages = 0 if step.rows else place.empty_pages + 1
        return Told(
            following=Following.COUNTED,
            rows=len(step.rows),
            received=place.received + len(step.rows),
            total=place.least if place.least is not None else got.total,
            more=self._paging.tells_more(got),
            repeats=step.repeats,
            is_short=len(got.rows) < place.size,
            is_behind_full=place.after_full or bool(got.rows),
            empty_pages=max(empty_pages, CONFIRMED_HOLES) if self._is_over(step, got, beyond=beyond) else empty_pages,
            objection=place.objection,
            more_at=getattr(self._paging, "more", None),
        )

    def _is_over(self, step: _Step, got: Fetched, *, beyond: bool) -> bool:
        """Whether nothing can follow an answer that brought nothing new."""
        ends_with_known = len(got.rows) > 1 and step.joined
        return not step.rows and (beyond or got.refused is not None or ends_with_known)

    def _note_totals(self, got: Fetched, start: int) -> None:
        place = self._place
        if got.rows or start == 0:  # past the end, some servers say that there are none at all
            self._total = got.total if got.total is not None else self._total
        if got.rows and got.total is not None:
            place.least = got.total if place.least is None else min(place.least, got.total)

    async def _shorten(self, end: int, received: int) -> None:
        """Go on after what was received; what is under way was asked for too far ahead."""
        await self._ahead.close()
        self._to_ask, self._width = end, 1
        if self._place.received == received:  # the first page
            self._place.size = max(1, received)

    def _page(self, step: _Step, got: Fetched, ending: Ending | None) -> Page:
        """The page, with the place after it."""
        place = self._place
        hole = bool(step.rows) and place.empty_pages > 1
        changed = bool(got.rows) and None not in {place.total, got.total} and place.total != got.total
        place.empty_pages = 0 if step.rows else place.empty_pages + 1
        place.after_full = not step.joined and len(got.rows) >= place.size
        self._overlaps = bool(step.rows)  # nothing but the overlap came: the end, or a cap of one item; ask after it
        place.total = got.total if place.total is None else place.total
        place.offset, place.received = step.end, place.received + len(step.rows)
        place.last = xxh3_64_hexdigest(got.rows[-1]) if got.rows else place.last
        return Page(
            rows=step.rows,
            resume=None if ending is not None else msgspec.to_builtins(place),
            total=self._total,
            page_size=max(1, place.size - 1),
            answered_at=got.answered_at,
            requests=step.requests,
            moved=changed or step.moved or hole,
            recounted=not (step.moved or hole),
            joined=step.joined,
            ending=ending,
        )

    async def _check_refusal(self, refused: RejectedError) -> None:
        """Take a refused slice for one after the end, if the one before it can still be read.

        Raises:
            RejectedError: it cannot.
        """
        place = self._place
        if place.least is not None and place.received >= place.least:
            return
        before = max(0, place.offset - place.size)
        known = await self._paging.slice(self._reader, before, place.size)
        if known.refused is not None or not known.rows:
            raise refused

    async def _without_overlap(self, start: int, got: Fetched) -> _Step:
        """The rows after the last page's last row; where that stands elsewhere now, the list has moved."""
        place, end, repeats = self._place, start + len(got.rows), self._visited.saw(got)
        at = None if place.last is None else _index(got.rows, place.last)
        if at == 0 and start < place.offset:
            return _Step(rows=got.rows[1:], end=end, joined=True)
        if at is not None:
            return await self._found_further_back(at, got, repeats=repeats, end=end)
        if not got.rows and got.refused is None and (start < place.offset or place.after_full):
            return await self._look_behind(is_lost=start < place.offset)
        if start == place.offset or place.last is None:
            return _Step(rows=[] if repeats else got.rows, end=place.offset if repeats else end, repeats=repeats)
        if not got.rows:
            return _Step(rows=[], end=place.offset, moved=True)
        return await self._read_back(start, got)

    async def _look_behind(self, *, is_lost: bool) -> _Step:
        """Handle an empty slice: it is the end, or a hole; `is_lost`: not even the item that was there came.

        A hole is passed; what it hides keeps the walk from a proved end.
        """
        place = self._place
        behind = place.offset + place.size
        if not (await self._paging.slice(self._reader, behind, place.size)).rows:
            place.after_full = False
            return _Step(rows=[], end=place.offset, moved=is_lost, requests=2)
        place.objection = f"nothing came at position {place.offset}, but items follow behind it"
        return _Step(rows=[], end=behind, moved=True, requests=2)

    async def _found_further_back(self, at: int, got: Fetched, *, repeats: bool, end: int) -> _Step:
        """Handle rows in front of the overlap: the list moved, the server clamps, or it ignores positions.

        It clamps if what it gave stands where it would stand in a list that did not move.
        """
        place, fresh = self._place, got.rows[at + 1 :]
        first = place.offset - 1 - at
        asked = max(1, first)
        if asked - first < len(got.rows) and asked < place.offset:
            there = await self._paging.slice(self._reader, asked, 1)
            if there.rows[:1] == got.rows[asked - first : asked - first + 1]:
                return _Step(rows=fresh, end=place.offset + len(fresh), joined=True, requests=2)
        if not fresh:
            return _Step(rows=[], end=place.offset, repeats=True, requests=2)
        return _Step(rows=fresh, end=end, moved=True, joined=True, repeats=repeats, requests=2)

    async def _read_back(self, start: int, got: Fetched) -> _Step:
        """The overlap is not there any more: what lies before is read again, so that nothing is skipped."""
        place = self._place
        back = max(0, start - place.size)
        before = await self._paging.slice(self._reader, back, start - back) if start > back else Fetched(rows=[])
        at = _index(before.rows, place.last or "")
        missed = before.rows if at is None else before.rows[at + 1 :]
        end, joined = start + len(got.rows), at is not None
        return _Step(rows=missed + got.rows, end=end, moved=True, joined=joined, requests=2)

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
