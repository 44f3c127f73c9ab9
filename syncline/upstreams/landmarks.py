"""Finds the list of items in an unknown body, and the values that tell of paging around it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

__all__ = ["Items", "Landmark", "find_cursors", "find_items", "find_links", "find_more", "find_total", "landmarks"]

Item: TypeAlias = Mapping[str, object]
_DEEPEST = 6
_TOTALS = (
    "total", "totalcount", "totalitems", "totalresults", "totalelements", "totalrecords", "recordstotal",
    "itemcount", "resultcount", "numfound", "@odata.count", "count", "results", "size",
)  # fmt: skip
_LINKS = frozenset(
    {"next", "nexturl", "nextpage", "nextpageurl", "nextlink", "@odata.nextlink", "nexthref", "href", "nexturi"}
)
_CURSORS = frozenset(
    {"nextcursor", "cursor", "nextpagetoken", "nexttoken", "continuation", "continuationtoken", "endcursor", "after"}
    | {"next", "nextpage", "pagetoken", "bookmark", "scrollid"}
)
_MORE = frozenset({"hasmore", "hasnext", "hasnextpage", "more", "moreavailable"})


@dataclass(frozen=True, kw_only=True)
class Landmark:
    """A value of the body, beside the items."""

    keys: tuple[str, ...]
    value: object

    @property
    def path(self) -> str:
        """Its dotted path."""
        if len(self.keys) == 1 and self.keys[0].startswith("@"):
            return self.keys[0]
        return ".".join(key.replace(".", "\\.") for key in self.keys)

    @property
    def plain(self) -> str:
        """Its own name, without regard for case and separators."""
        return re.sub(r"[_\- ]", "", self.keys[-1]).lower() if self.keys else ""


@dataclass(frozen=True, kw_only=True)
class Items:
    """The list of items."""

    path: str
    rows: Sequence[Item]


def landmarks(body: object, keys: tuple[str, ...] = ()) -> Iterator[Landmark]:
    """All values under the objects of `body`, not those within lists."""
    yield Landmark(keys=keys, value=body)
    if isinstance(body, Mapping) and len(keys) < _DEEPEST:
        for key, value in cast("Item", body).items():
            yield from landmarks(value, (*keys, key))


def find_items(body: object) -> Items | None:
    """The longest list of objects; of equals the outermost; else a list that is empty."""
    lists = [(mark, cast("list[object]", mark.value)) for mark in landmarks(body) if isinstance(mark.value, list)]
    full = [(mark, rows) for mark, rows in lists if rows and all(isinstance(row, Mapping) for row in rows)]
    if not full:
        return next((Items(path=mark.path, rows=()) for mark, rows in lists if not rows), None)
    mark, rows = max(full, key=lambda found: (len(found[1]), -len(found[0].keys)))
    return Items(path=mark.path, rows=cast("list[Item]", rows))


def find_total(marks: Sequence[Landmark], headers: Mapping[str, str | None], count: int) -> tuple[str, int] | None:
    """Where the number of all items stands, and what it is, given that `count` came."""
    numbers = {mark.plain: mark for mark in marks if type(mark.value) is int and mark.value >= count}
    for name in _TOTALS:
        mark = numbers.get(name)
        if mark is not None and isinstance(mark.value, int) and (name.startswith("total") or mark.value > count):
            return mark.path, mark.value
    for name, text in headers.items():
        if text is not None and text.isdecimal():
            return name, int(text)
    return None


def find_links(marks: Sequence[Landmark]) -> list[Landmark]:
    """Values that look like the URL of the next page."""
    return [mark for mark in marks if mark.plain in _LINKS and _is_next(mark) and _is_url(mark.value)]


def find_cursors(marks: Sequence[Landmark]) -> list[Landmark]:
    """Values that look like the cursor of the next page."""
    return [
        mark
        for mark in marks
        if mark.plain in _CURSORS and isinstance(mark.value, str) and mark.value and not _is_url(mark.value)
    ]


def find_more(marks: Sequence[Landmark]) -> Landmark | None:
    """The value that says whether there are more pages."""
    return next((mark for mark in marks if mark.plain in _MORE and isinstance(mark.value, bool)), None)


def _is_next(mark: Landmark) -> bool:
    """`next`, and `links.next.href`, but not `links.prev.href`."""
    return any("next" in key.lower() for key in mark.keys[-2:])


def _is_url(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://", "/", "?"))
