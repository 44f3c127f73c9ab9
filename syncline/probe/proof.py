"""Tries a guessed way of paging out: reads pages by it until it is proved, refuted, or has cost enough requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from syncline.errors import BudgetSpentError, RateLimitedError, UpstreamError
from syncline.model.page import Answer, Ask, Request, Transport
from syncline.probe.body_scan import Item
from syncline.probe.prober import Sample, parsed
from syncline.upstreams.paging import Offset, OnePage, PageNumber, Paging
from syncline.upstreams.rest import RestPages

__all__ = ["Allowance", "Proof", "prove"]

_PAGES_WANTED = 3
"""A short list is read once more in so many pages, so that there is a second one and an end."""


class _SpentError(Exception):
    """The walk has taken all the requests that it may."""


@dataclass(kw_only=True)
class Allowance:
    """How many requests all proofs of one look may take together.

    Attributes:
        is_limited: whether the API, or its budget, asked to slow down: none is left then.
    """

    left: int = 10
    is_limited: bool = False


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What became of a way of paging when it was tried out.

    Attributes:
        paging: as it is to be declared: with a smaller page where the API refused a large one.
        items: what came, raw, each item once.
        rows: the same, parsed; an item that one answer had twice is there twice.
        pages: how many pages were read in the longest walk.
        is_whole: whether an end was reached that is one, and nothing speaks against it.
        end_seen: whether the last page was asked for at once and is one, where the list was too long to be read.
        total_holds: whether what the API says to be the total may be believed.
        refuted: why it is none; None if it may be used.
        doubts: what could not be proved, in sentences.
    """

    paging: Paging
    items: Sequence[bytes] = ()
    rows: Sequence[Item] = ()
    pages: int = 0
    is_whole: bool = False
    end_seen: bool = False
    total_holds: bool = True
    refuted: str | None = None
    doubts: tuple[str, ...] = ()


@dataclass(kw_only=True)
class _Walk:
    """One walk over the pages.

    Attributes:
        raw: the items as they came, each once.
        seen: the same, parsed.
        sizes: how many items each page had.
        again: how many items came a second time, on another page.
        stood: the number of a page that had nothing new; None if each had.
        ended: whether the way of paging came to an end by itself.
        error: what ended it instead.
    """

    raw: dict[bytes, None] = field(default_factory=dict[bytes, None])
    seen: Sample = field(default_factory=Sample)
    sizes: list[int] = field(default_factory=list[int])
    again: int = 0
    stood: int | None = None
    ended: bool = False
    error: UpstreamError | None = None

    @property
    def came(self) -> int:
        """How many items came, without those of a page that had nothing new."""
        return sum(self.sizes) - (0 if self.stood is None else self.sizes[-1])

    def add(self, rows: list[bytes]) -> bool:
        """Take in a page; whether it is worth going on."""
        fresh = self.seen.add([cast("Item", item) for row in rows if isinstance(item := parsed(row), dict)])
        self.sizes.append(len(rows))
        self.raw.update(dict.fromkeys(rows))
        if rows and not fresh:
            self.stood = len(self.sizes)
            return False
        self.again += len(rows) - fresh
        return True


class _Bounded:
    """A transport that sends no more than the allowance, one request after the other."""

    def __init__(self, inner: Transport, allowance: Allowance, most: int) -> None:
        self._inner = inner
        self._allowance = allowance
        self._left = most
        self.name = inner.name
        self.max_in_flight = 1

    async def send(self, request: Request) -> Answer:
        if self._left < 1 or self._allowance.left < 1:
            raise _SpentError
        self._left -= 1
        self._allowance.left -= 1
        return await self._inner.send(request)


async def prove(
    transport: Transport, pages: RestPages, first: Sequence[Item], *, total: int | None, allowance: Allowance
) -> Proof:
    """Read by `pages`, whose first answer without a size held `first`, while the allowance lasts.

    A long list is read with pages of the declared size, as far as that goes; a list that fits into one page is read
    once more in smaller ones.
    """
    return await _Prover(transport=transport, pages=pages, total=total, allowance=allowance).prove(len(first))


@dataclass(kw_only=True)
class _Prover:
    transport: Transport
    pages: RestPages
    total: int | None
    allowance: Allowance

    async def prove(self, usual_size: int) -> Proof:
        size_name = _size_name(self.pages.paging)
        walk = await self._walk(self.pages, most=max(1, self.allowance.left - 2))
        if walk.error is not None and not walk.sizes and size_name is not None:  # it may refuse a size above its own
            self.pages = replace(self.pages, paging=_sized(self.pages.paging, max(1, usual_size)))
            walk = await self._walk(self.pages, most=max(1, self.allowance.left - 2))
        judged = walk
        if walk.ended and len(walk.sizes) == 1 and walk.came > 1 and size_name is not None:
            small = _sized(self.pages.paging, _third(walk.came))
            judged = await self._walk(replace(self.pages, paging=small), most=_PAGES_WANTED + 3)
        return await self._judged(walk, judged)

    async def _judged(self, walk: _Walk, judged: _Walk) -> Proof:
        seen, total = walk.seen.rows, self.total
        found = Proof(paging=self.pages.paging, items=tuple(walk.raw), rows=seen, pages=len(judged.sizes))
        if isinstance(self.pages.paging, OnePage):
            doubts = _doubts_of_one_page(judged, total)
            return replace(found, is_whole=not doubts, doubts=doubts)
        refuted = _refutation(judged, total)
        if refuted is not None:
            return replace(found, refuted=refuted)
        doubts, end_seen = _doubts(judged), False
        if not judged.ended and judged.error is None and judged.stood is None:
            against = await self._doubts_of_the_end(judged)
            doubts, end_seen = doubts + against, not against
        misses = total is not None and judged.ended and judged.came > total
        if misses:
            doubts += (f"it says that there are {total} items, but {judged.came} came: the total is not declared",)
        whole = judged.ended and not doubts
        return replace(found, is_whole=whole, end_seen=end_seen, total_holds=not misses, doubts=doubts)

    async def _doubts_of_the_end(self, walk: _Walk) -> tuple[str, ...]:
        """What speaks against an end at the total: the last page, and what lies after it, are asked for at once."""
        paging, total, size = self.pages.paging, self.total, walk.sizes[0] if walk.sizes else 0
        if total is None or size < 1 or self.allowance.left < 1 or not isinstance(paging, PageNumber | Offset):
            return (f"the end of the list was not reached: {walk.came} items in {len(walk.sizes)} pages were read",)
        start = (total - 1) // size * size
        last, behind = [await self._slice(place, size) for place in (start, start + size)]
        if last.error is not None or last.came != total - start:
            came = f"{last.came} came" if last.error is None else f"it said: {last.error}"
            return (f"the last {total - start} of {total} items should be at place {start}, but {came}",)
        if set(behind.raw) - set(last.raw):
            return (f"behind the {total} items that it says there are, {behind.came} more came",)
        return ()

    async def _slice(self, place: int, size: int) -> _Walk:
        """The page that begins at a place, counted from 0."""
        paging, params = self.pages.paging, self.pages.params
        declared: Any = paging
        by_number = isinstance(paging, PageNumber)
        number = str(declared.first + place // size) if by_number else str(place)
        name = _size_name(paging)
        asking = [(declared.page if by_number else declared.offset, number), *([(name, str(size))] if name else [])]
        own = params.items() if isinstance(params, Mapping) else params
        return await self._walk(replace(self.pages, paging=OnePage(), params=[*own, *asking]), most=1)

    async def _walk(self, pages: RestPages, *, most: int) -> _Walk:
        """Read pages until they end, come again, fail, or have cost `most` requests."""
        walk = _Walk()
        reading = replace(pages, ahead=1)(_Bounded(self.transport, self.allowance, most), Ask())
        try:
            async for page in reading:
                if not walk.add([bytes(row) for row in page.rows]):
                    return walk
            walk.ended = True
        except _SpentError:
            pass
        except (RateLimitedError, BudgetSpentError):
            self.allowance.left, self.allowance.is_limited = 0, True
        except UpstreamError as error:
            walk.error = error
        finally:
            await reading.aclose()
        return walk


def _refutation(walk: _Walk, total: int | None) -> str | None:
    """Why this is not how the pages go on; None if it may be."""
    if walk.error is not None and len(walk.sizes) < 2:  # noqa: PLR2004 - no second page came
        return str(walk.error)
    if walk.stood == 2:  # noqa: PLR2004 - the second page has nothing that the first one had not
        return "the second page is the first one again"
    if walk.ended and total is not None and walk.came < total:
        return f"it ended after {walk.came} of {total} items"
    return None


def _doubts_of_one_page(walk: _Walk, total: int | None) -> tuple[str, ...]:
    if walk.error is not None:
        return (f"it could not be read again: {walk.error}",)
    if not walk.ended:
        return ("the API asked to slow down before the look was over: its answer was not read again",)
    if total is None:
        return (f"no paging was found: nothing shows that the one answer, with {walk.came} items, is everything",)
    if walk.came < total:
        return (f"it says that there are {total} items, but {walk.came} came: no way to the others was found",)
    return ()


def _doubts(walk: _Walk) -> tuple[str, ...]:
    """What a walk by pages could not show."""
    doubts: list[str] = []
    if walk.error is not None:
        doubts.append(f"after {walk.came} items a page could not be had: {walk.error}")
    elif walk.stood is not None:
        doubts.append(f"behind its {walk.came} items the API gives some of them again, not an end")
    if walk.again:
        doubts.append(f"{walk.again} items came on two pages: the list has no fixed order, or moved meanwhile")
    if walk.ended and len(walk.sizes) == 1:
        doubts.append("all items came on one page: how the next one is asked for could not be tried out")
    return tuple(doubts)


def _third(count: int) -> int:
    """A page size that makes about three pages, the last of them short: saves a request for the page after it."""
    size = -(-count // _PAGES_WANTED)
    while size < count and count % size == 0 and size > 1:
        size += 1
    return size


def _size_name(paging: Paging) -> str | None:
    """The parameter for the size, if there is one."""
    return getattr(paging, "limit", None) or getattr(paging, "size", None)


def _sized(paging: Paging, size: int) -> Paging:
    """The same paging with pages of another size."""
    declared: Any = paging
    return cast("Paging", replace(declared, page_size=size))
