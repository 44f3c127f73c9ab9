"""Guesses how an API pages: what its answers show first, what it accepts second; each guess is tried out."""

from urllib.parse import urljoin

from syncline.upstreams.landmarks import Landmark, find_cursors, find_links, find_more
from syncline.upstreams.paging import Cursor, Keyset, Link, Offset, OnePage, PageNumber, Paging, Range
from syncline.upstreams.trials import Look, Trials, query_of

__all__ = ["PAGING_PARAMETERS", "guess_paging"]

_PAGES = ("page", "page[number]", "pageNumber", "page_number", "p", "pageIndex")
_OFFSETS = ("offset", "skip", "$skip", "start", "startAt", "page[offset]")
_SIZES = (
    "per_page", "limit", "page_size", "pageSize", "perPage", "size", "max_results", "maxResults", "page[size]",
    "count", "take", "$top", "pagesize", "page[limit]", "first",
)  # fmt: skip
_CURSORS = ("cursor", "after", "page_token", "pageToken", "next_token", "next_cursor", "continuation", "page[cursor]")
_KEYS = ("starting_after", "after", "after_id", "since_id", "last_id", "from_id")
PAGING_PARAMETERS = frozenset({*_PAGES, *_OFFSETS, *_SIZES, *_CURSORS, *_KEYS})
_COMMON = ("page", "offset", "skip", "start")
"""Tried also where the body does not mention them."""
_SMALL = 2
_GOOD_SIZE = 100
_SIZE_TRIALS = 8


async def guess_paging(trials: Trials, first: Look, *, key: str | None, has_total: bool) -> Paging:
    """The paging that was seen to work; `OnePage` where none was.

    `key` is the items' key in the JSON. Where a total is told, page numbers are preferred to links that hold nothing
    but a page number: they can be fetched several at once.
    """
    link = await _by_link(trials, first, countable=has_total)
    if link is not None:
        return link
    more = find_more(first.marks)
    cursor = await _by_cursor(trials, first, more)
    if cursor is not None:
        return cursor
    if more is not None and key is not None:
        keyset = await _by_key(trials, first, key, more)
        if keyset is not None:
            return keyset
    counted = await _by_count(trials, first, more)
    return counted or await _by_range(trials, first) or _promised(first) or OnePage()


async def _by_link(trials: Trials, first: Look, *, countable: bool) -> Paging | None:
    found = [(None, first.link)] if first.link is not None else []
    found += [(mark.path, urljoin(first.url, str(mark.value))) for mark in find_links(first.marks)]
    for next_at, link in found:
        page = await trials.follow(link)
        if page is None or not page.differs(first):
            continue
        asked = {name: value for name, value in query_of(link).items() if query_of(first.url).get(name) != value}
        number = next((name for name in _PAGES if asked.get(name) in {"1", "2"}), None)
        size = next((name for name in _SIZES if name in query_of(link)), None)
        size = size or await _size_parameter(trials, first)
        if number is not None and countable:
            return PageNumber(page=number, size=size, page_size=_size(size, first), first=int(asked[number]) - 1)
        return Link(next_at=next_at, size=size, page_size=_size(size, first))
    return None


async def _by_cursor(trials: Trials, first: Look, more: Landmark | None) -> Paging | None:
    for mark in find_cursors(first.marks):
        for name in _cursor_parameters(mark):
            page = await trials.ask({name: str(mark.value)})
            if page is not None and page.rows and page.differs(first):
                size = await _size_parameter(trials, first)
                told = None if more is None else more.path
                return Cursor(param=name, cursor_at=mark.path, more=told, size=size, page_size=_size(size, first))
    return None


async def _by_range(trials: Trials, first: Look) -> Paging | None:
    headers = first.answer.headers
    unit = headers.get("range-unit") or headers.get("accept-ranges")
    if headers.get("content-range") is None and unit in {None, "none", "bytes"}:
        return None
    unit = unit or "items"
    second = await trials.ask({}, {"Range": f"{unit}=1-1"})
    return Range(unit=unit) if second is not None and list(second.rows) == list(first.rows[1:2]) else None


async def _by_key(trials: Trials, first: Look, key: str, more: Landmark) -> Paging | None:
    """The parameter that, given the first item's key, has the list begin at the second."""
    for name in _KEYS if len(first.rows) > 1 else ():
        page = await trials.ask({name: str(first.rows[0].get(key))})
        if page is not None and page.rows and page.rows[0] == first.rows[1]:
            size = await _size_parameter(trials, first)
            return Keyset(param=name, key=key, more=more.path, size=size, page_size=_size(size, first))
    return None


async def _by_count(trials: Trials, first: Look, more: Landmark | None) -> Paging | None:
    """Page numbers or offsets; the names that the body echoes are tried first."""
    told = None if more is None else more.path
    echoed = [mark.keys[-1] for mark in first.marks if mark.keys and type(mark.value) is int]
    names = dict.fromkeys([name for name in echoed if name in {*_PAGES, *_OFFSETS}])
    for name in [*names, *(name for name in _COMMON if name not in names)]:
        if name in _PAGES:
            begins_at = await _first_number(trials, first, name)
            if begins_at is not None:
                size = await _size_parameter(trials, first)
                return PageNumber(page=name, size=size, page_size=_size(size, first), first=begins_at, more=told)
        elif await _is_offset(trials, first, name):
            size = await _size_parameter(trials, first)
            return Offset(offset=name, limit=size, page_size=_size(size, first), more=told)
    return None


async def _first_number(trials: Trials, first: Look, name: str) -> int | None:
    """The number of the first page; None where `name` does not number pages.

    One of them must be the page that came without a number: an API that takes an unknown parameter for a filter would
    answer all of them with nothing.
    """
    second = await trials.ask({name: "2"})
    if second is None or not second.differs(first):
        return None
    for number in (1, 0):
        page = await trials.ask({name: str(number)})
        if page is not None and list(page.rows) == list(first.rows):
            return number
    return None


async def _is_offset(trials: Trials, first: Look, name: str) -> bool:
    """Whether the parameter has the list begin at its second item."""
    page = await trials.ask({name: "1"}) if len(first.rows) > 1 else None
    return page is not None and list(page.rows[: len(first.rows) - 1]) == list(first.rows[1:])


def _promised(first: Look) -> Paging | None:
    """What a body without further pages promises for later, by a `next` that is null: not tried out."""
    empty = [mark for mark in first.marks if mark.keys and mark.value in (None, "", False)]
    cursor = next((mark for mark in empty if mark.plain in {"nextcursor", "nextpagetoken", "nexttoken"}), None)
    if cursor is not None:
        return Cursor(param=_cursor_parameters(cursor)[0], cursor_at=cursor.path)
    link = next((mark for mark in empty if mark.plain in {"next", "nexturl", "nextlink", "nextpageurl"}), None)
    return None if link is None else Link(next_at=link.path)


def _cursor_parameters(mark: Landmark) -> list[str]:
    """The parameters that may take a cursor: its own name without `next` first."""
    own = mark.keys[-1]
    names = [own.removeprefix("next_"), own[4:5].lower() + own[5:] if own.startswith("next") else own, *_CURSORS]
    return [name for name in dict.fromkeys(names) if name and name != "next"]


async def _size_parameter(trials: Trials, first: Look) -> str | None:
    """The parameter that sets the size of a page; the names that the body or its links show are tried first.

    A parameter that ends the whole list instead (OData's `$top`) is none: what it gives promises no more.
    """
    if len(first.rows) <= _SMALL:
        return None
    shown = {mark.keys[-1] for mark in first.marks if mark.keys} | set(query_of(first.link or ""))
    for name in sorted(_SIZES, key=lambda name: name not in shown)[:_SIZE_TRIALS]:
        small = await trials.ask({name: str(_SMALL)})
        if small is not None and len(small.rows) == _SMALL and (small.goes_on or not first.goes_on):
            return name
    return None


def _size(parameter: str | None, first: Look) -> int:
    """A good size to ask for; where it cannot be set, the server's own."""
    return max(1, len(first.rows)) if parameter is None else max(_GOOD_SIZE, len(first.rows))
