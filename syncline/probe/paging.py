"""Guesses how an API pages: what its answers show first, what it accepts second; each guess is tried out."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from urllib.parse import urljoin

from syncline.probe.body_scan import Mark, find_cursors, find_links, find_more, find_next_number
from syncline.probe.prober import Look, Prober, query_of
from syncline.upstreams.paging import Cursor, Keyset, Link, Offset, PageNumber, Paging, Range

__all__ = ["guess_paging", "promised_paging", "split_query"]

_PAGES = ("page", "page[number]", "pageNumber", "page_number", "p", "pageIndex", "_page")
_OFFSETS = ("offset", "skip", "$skip", "start", "startAt", "page[offset]", "_start", "startIndex", "_offset")
_SIZES = (
    "per_page", "limit", "page_size", "pageSize", "perPage", "size", "max_results", "maxResults",
    "page[size]", "count", "take", "$top", "pagesize", "page[limit]", "first", "_limit", "_size", "_per_page", "_count",
)  # fmt: skip
_CURSORS = ("cursor", "after", "page_token", "pageToken", "next_token", "next_cursor", "continuation", "page[cursor]")
_KEYS = ("starting_after", "after", "after_id", "since_id", "last_id", "from_id")
_PLACES = frozenset({*_CURSORS, *_KEYS, "_next", "_token"}) - {"after"}
"""These name one place in the list, and are left out to begin at its start. `after` may be a filter by date."""
_COMMON = ("page", "offset", "skip", "start")
"""Tried also where the body does not mention them."""
_SMALL = 2
_GOOD_SIZE = 100
_SIZE_TRIALS = 8


def split_query(query: Sequence[tuple[str, str]]) -> tuple[tuple[tuple[str, str], ...], dict[str, str]]:
    """The parameters that belong to the question, repeated ones included, and those that ask for its first page.

    A customary name counts for paging only if it has a whole number: `size=XL` and `start=2026-01-01` are filters.
    """
    fixed: list[tuple[str, str]] = []
    start: dict[str, str] = {}
    for name, value in query:
        if name in _PLACES:
            continue
        if name in _PAGES and value.isdecimal():
            start[name] = value if value in {"0", "1"} else "1"
        elif name in _OFFSETS and value.isdecimal():
            start[name] = "0"
        elif name in _SIZES and value.isdecimal():
            start[name] = value
        else:
            fixed.append((name, value))
    return tuple(fixed), start


async def guess_paging(prober: Prober, first: Look, *, has_total: bool) -> AsyncGenerator[Paging, None]:
    """Yield the ways of paging that were seen to give a second page, the most telling first.

    Where a total is told, page numbers and offsets are preferred to links that
    hold nothing else: they can be fetched several at once, and their end can be checked.
    """
    more = find_more(first.marks)
    found = [
        await _by_link(prober, first, countable=has_total),
        None if find_next_number(first.marks) else await _by_cursor(prober, first, more),
    ]
    for paging in found:
        if paging is not None:
            yield paging
    if more is not None and first.key is not None and find_next_number(first.marks) is None:
        keyset = await _by_key(prober, first, first.key, more)
        if keyset is not None:
            yield keyset
    counted = await _by_count(prober, first, more) or await _by_range(prober, first)
    if counted is not None:
        yield counted


def promised_paging(prober: Prober, first: Look) -> Paging | None:
    """What a body without further pages promises for later, by a `next` that is null: not tried out."""
    empty = [mark for mark in first.marks if mark.keys and mark.value in (None, "", False)]
    link = next((mark for mark in empty if mark.plain in {"next", "nexturl", "nextlink", "nextpageurl"}), None)
    page = next((name for name in prober.start if name in _PAGES), None)
    if page is not None:
        size = next((name for name in prober.start if name in _SIZES), None)
        more = None if link is None else link.path
        return PageNumber(page=page, size=size, page_size=_size(size, first), first=int(prober.start[page]), more=more)
    cursor = next((mark for mark in empty if mark.plain in {"nextcursor", "nextpagetoken", "nexttoken"}), None)
    if cursor is not None:
        return Cursor(param=_cursor_parameters(cursor)[0], cursor_at=cursor.path)
    return None if link is None else Link(next_at=link.path)


async def _by_link(prober: Prober, first: Look, *, countable: bool) -> Paging | None:
    found = [(None, first.link)] if first.link is not None else []
    found += [(mark.path, urljoin(first.url, str(mark.value))) for mark in find_links(first.marks)]
    for next_at, link in found:
        page = await prober.follow(link)
        if page is None or not page.differs(first):
            continue
        asked = {name: value for name, value in query_of(link).items() if query_of(first.url).get(name) != value}
        size = next((name for name in _SIZES if name in query_of(link)), None)
        size = size or await _size_parameter(prober, first)
        counted = _counted(asked, first, size) if countable else None
        return counted or Link(next_at=next_at, header=first.header, size=size, page_size=_size(size, first))
    return None


def _counted(asked: Mapping[str, str], first: Look, size: str | None) -> Paging | None:
    """Page numbers, or an offset, where a link holds nothing else."""
    number = next((name for name in _PAGES if asked.get(name) in {"1", "2"}), None)
    if number is not None:
        return PageNumber(page=number, size=size, page_size=_size(size, first), first=int(asked[number]) - 1)
    offset = next((name for name in _OFFSETS if asked.get(name) == str(len(first.rows))), None)
    return None if offset is None else Offset(offset=offset, limit=size, page_size=_size(size, first))


async def _by_cursor(prober: Prober, first: Look, more: Mark | None) -> Paging | None:
    for mark in find_cursors(first.marks):
        for name in _cursor_parameters(mark):
            page = await prober.ask({name: str(mark.value)})
            if page is not None and page.differs(first):
                size = await _size_parameter(prober, first)
                told = None if more is None else more.path
                return Cursor(param=name, cursor_at=mark.path, more=told, size=size, page_size=_size(size, first))
    return None


async def _by_range(prober: Prober, first: Look) -> Paging | None:
    headers = first.answer.headers
    unit = headers.get("range-unit") or headers.get("accept-ranges")
    if headers.get("content-range") is None and unit in {None, "none", "bytes"}:
        return None
    unit = unit or "items"
    second = await prober.ask({}, {"Range": f"{unit}=1-1"})
    return Range(unit=unit) if second is not None and list(second.ids) == list(first.ids[1:2]) else None


async def _by_key(prober: Prober, first: Look, key: str, more: Mark) -> Paging | None:
    """The parameter that, given the first item's key, has the list begin at the second."""
    for name in _KEYS if len(first.rows) > 1 else ():
        page = await prober.ask({name: str(first.rows[0].get(key))})
        if page is not None and page.rows and page.ids[0] == first.ids[1]:
            size = await _size_parameter(prober, first)
            return Keyset(param=name, key=key, more=more.path, size=size, page_size=_size(size, first))
    return None


async def _by_count(prober: Prober, first: Look, more: Mark | None) -> Paging | None:
    """Page numbers or offsets; the names of the URL and those that the body echoes are tried first."""
    told = None if more is None else more.path
    echoed = [mark.keys[-1] for mark in first.marks if mark.keys and type(mark.value) is int]
    names = [name for name in (*prober.start, *echoed, *_COMMON) if name in {*_PAGES, *_OFFSETS}]
    for name in dict.fromkeys(names):
        if name in _PAGES:
            begins_at = await _first_number(prober, first, name)
            if begins_at is not None:
                size = await _size_parameter(prober, first)
                return PageNumber(page=name, size=size, page_size=_size(size, first), first=begins_at, more=told)
        elif await _is_offset(prober, first, name):
            size = await _size_parameter(prober, first)
            return Offset(offset=name, limit=size, page_size=_size(size, first), more=told)
    return None


async def _first_number(prober: Prober, first: Look, name: str) -> int | None:
    """The number of the first page; None if `name` does not number pages.

    One of them must be the page that came without a number: an API that takes an unknown parameter for a filter would
    answer all of them with nothing.
    """
    second = await prober.ask({name: "2"})
    if second is None or not second.differs(first):
        return None
    for number in (1, 0):
        page = await prober.ask({name: str(number)})
        if page is not None and list(page.ids) == list(first.ids):
            return number
    return None


async def _is_offset(prober: Prober, first: Look, name: str) -> bool:
    """Whether the parameter has the list begin at its second item."""
    page = await prober.ask({name: "1"}) if len(first.rows) > 1 else None
    return page is not None and list(page.ids[: len(first.ids) - 1]) == list(first.ids[1:])


def _cursor_parameters(mark: Mark) -> list[str]:
    """The parameters that may take a cursor: its own name without `next` first."""
    own = mark.keys[-1]
    names = [own.removeprefix("next_"), own[4:5].lower() + own[5:] if own.startswith("next") else own, *_CURSORS]
    return [name for name in dict.fromkeys(names) if name and name != "next"]


async def _size_parameter(prober: Prober, first: Look) -> str | None:
    """The parameter that makes a page small; None if none does.

    A parameter that ends the whole list instead (OData's `$top`) is none: what it gives promises no more.
    """
    if len(first.rows) <= _SMALL:
        return None
    links = [first.link or "", *(str(mark.value) for mark in find_links(first.marks))]
    asked = {*prober.start, *(name for link in links for name in query_of(link))}
    shown = {mark.keys[-1] for mark in first.marks if mark.keys} | asked
    alike = [name for name in _SIZES if name[0] == "_" and any(other[0] == "_" for other in asked)]
    rank = [*prober.start, *(name for name in _SIZES if name in shown), *alike, *_SIZES]
    for name in [name for name in dict.fromkeys(rank) if name in _SIZES][:_SIZE_TRIALS]:
        small = await prober.ask({name: str(_SMALL)})
        if small is not None and len(small.rows) == _SMALL and (small.goes_on or not first.goes_on):
            return name
    return None


def _size(parameter: str | None, first: Look) -> int:
    """A good size to ask for; where it cannot be set, the server's own."""
    return max(1, len(first.rows)) if parameter is None else max(_GOOD_SIZE, len(first.rows))
