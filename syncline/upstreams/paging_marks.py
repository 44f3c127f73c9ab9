"""Values around the items that tell of paging: totals, links, cursors, and whether there is more."""

from collections.abc import Mapping, Sequence

from syncline.upstreams.landmarks import Landmark

__all__ = ["find_cursors", "find_links", "find_more", "find_next_number", "find_total"]

_TOTALS = (
    "total", "totalcount", "totalitems", "totalresults", "totalelements", "totalrecords", "totalrows", "recordstotal",
    "itemcount", "resultcount", "numfound", "nummatched", "numbermatched", "filteredtablerowscount", "@odata.count",
    "count", "results", "items", "size",
)  # fmt: skip
_LINKS = frozenset(
    {"next", "nexturl", "nextpage", "nextpageurl", "nextlink", "@odata.nextlink", "nexthref", "href", "nexturi"}
    | {"url", "uri"}
)
_CURSORS = frozenset(
    {"nextcursor", "cursor", "nextpagetoken", "nexttoken", "continuation", "continuationtoken", "endcursor", "after"}
    | {"next", "nextpage", "pagetoken", "bookmark", "scrollid"}
)
_MORE = frozenset({"hasmore", "hasnext", "hasnextpage", "more", "moreavailable"})
_NEXT_NUMBERS = frozenset({"next", "nextpage", "nextpagenumber"})


def find_total(marks: Sequence[Landmark], headers: Mapping[str, str | None], count: int) -> tuple[str, int] | None:
    """Where the number of all items stands, and what it is, given that `count` came."""
    numbers = {mark.plain: mark for mark in marks if type(mark.value) is int and mark.value >= count}
    for name in _TOTALS:
        mark = numbers.get(name)
        if mark is not None and isinstance(mark.value, int) and (name.startswith("total") or mark.value > count):
            return mark.path, mark.value
    for name, text in headers.items():
        if text is not None and text.isdecimal() and int(text) >= count:
            return name, int(text)
    return None


def find_links(marks: Sequence[Landmark]) -> list[Landmark]:
    """Values that look like the URL of the next page."""
    return [mark for mark in marks if mark.plain in _LINKS and _is_next(mark) and _is_url(mark.value)]


def find_cursors(marks: Sequence[Landmark]) -> list[Landmark]:
    """Values that look like the cursor of the next page: text, or a number."""
    return [
        mark
        for mark in marks
        if mark.plain in _CURSORS and type(mark.value) in {str, int} and mark.value and not _is_url(mark.value)
    ]


def find_more(marks: Sequence[Landmark]) -> Landmark | None:
    """The value that says whether there are more pages: true, or the number of the next one."""
    told = next((mark for mark in marks if mark.plain in _MORE and isinstance(mark.value, bool)), None)
    return told or find_next_number(marks)


def find_next_number(marks: Sequence[Landmark]) -> Landmark | None:
    """The number of the next page, as a server tells it that numbers them."""
    numbers = (mark for mark in marks if mark.plain in _NEXT_NUMBERS and type(mark.value) is int)
    return next((mark for mark in numbers if mark.value in {1, 2}), None)


def _is_next(mark: Landmark) -> bool:
    """`next`, `links.next.href` and `links[rel=next].href`, but not `links.prev.href`."""
    return any("next" in key.lower() for key in mark.keys[-2:])


def _is_url(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://", "/", "?"))
