"""Scans an unknown body: for the list of items, and for what tells of paging around it (totals, links, cursors)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from syncline.model.places import dotted_keys
from syncline.upstreams.envelope import column_names, value_at

__all__ = [
    "Item",
    "Items",
    "Mark",
    "find_cursors",
    "find_items",
    "find_links",
    "find_more",
    "find_next_number",
    "find_total",
    "items_at",
    "scan",
]

Item: TypeAlias = Mapping[str, object]
_DEEPEST = 6
_ROWS = frozenset(
    {"data", "items", "results", "rows", "records", "features", "value", "values", "content", "entries", "entry"}
    | {"docs", "documents", "hits", "list", "objects", "collection", "elements", "member", "members", "resources"}
)
"""What lists of items are called."""
_BESIDE = frozenset(
    {"links", "link", "suggestedfacets", "facets", "facetresults", "errors", "warnings", "messages", "columns"}
    | {"included", "includes", "aggregations", "filters", "sort", "sorts", "schema", "headers", "meta", "units"}
)
"""What lists are called that stand beside the items: only if there is no other may they be the items."""
_NEXT_OF = ("rel", "relation", "name")
_URLS = ("href", "url", "uri")
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


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A value of the body, beside the items.

    Attributes:
        keys: where it stands, outermost key first; `[rel=next]` picks an object of a list.
    """

    keys: tuple[str, ...]
    value: object

    @property
    def path(self) -> str:
        """Its dotted path."""
        if len(self.keys) == 1 and self.keys[0].startswith("@"):
            return self.keys[0]
        parts = [key if key.startswith("[") else f".{key.replace('.', chr(92) + '.')}" for key in self.keys]
        return "".join(parts).removeprefix(".")

    @property
    def plain(self) -> str:
        """Its own name, without regard for case and separators."""
        return _plain(self.keys[-1]) if self.keys else ""


@dataclass(frozen=True, kw_only=True)
class Items:
    """The list of items.

    Attributes:
        path: dotted path of the list.
        rows: the items as objects.
        names_at: dotted path of the column names, where the items are lists of values.
    """

    path: str
    rows: Sequence[Item]
    names_at: str | None = None


def scan(body: object, keys: tuple[str, ...] = ()) -> Iterator[Mark]:
    """All values under the objects of `body`; of lists only a link to the next page."""
    yield Mark(keys=keys, value=body)
    if isinstance(body, Mapping) and len(keys) < _DEEPEST:
        for key, value in cast("Item", body).items():
            yield from scan(value, (*keys, key))
    elif isinstance(body, list) and keys:
        yield from _next_of_links(cast("list[object]", body), keys)


def find_items(body: object, name: str = "") -> Items | None:
    """The list of items; `name` is what the last part of the URL calls it.

    A list of objects, or of lists of values beside as many column names. Customary names go first, then the longest,
    then the outermost; a list that is customarily beside the items (links, facets) comes last, behind an empty one.
    """
    marks = list(scan(body))
    lists = [mark for mark in marks if isinstance(mark.value, list)]
    wanted = {*_ROWS, _plain(name)}
    found = [(mark, items) for mark in lists if (items := _items(mark, marks)) is not None]
    if not found:
        return None

    def rank(pair: tuple[Mark, Items]) -> tuple[bool, bool, bool, int, int]:
        mark, items = pair
        beside = any(_plain(key) in _BESIDE for key in mark.keys)
        named = not mark.keys or mark.plain in wanted
        return (not beside, bool(items.rows), named, len(items.rows), -len(mark.keys))

    return max(found, key=rank)[1]


def items_at(body: object, like: Items) -> Items | None:
    """The list that stands in this body where that of another answer stood; None if there is none."""
    value = value_at(body, dotted_keys(like.path))
    names = None if like.names_at is None else column_names(value_at(body, dotted_keys(like.names_at)))
    if not isinstance(value, list) and (value is not None or isinstance(body, list)):
        return None
    entries = cast("list[object]", value or [])
    rows = _objects(entries) if like.names_at is None else _named(entries, names or [])
    return Items(path=like.path, rows=rows, names_at=like.names_at)


def find_total(marks: Sequence[Mark], headers: Mapping[str, str | None], count: int) -> tuple[str, int] | None:
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


def find_links(marks: Sequence[Mark]) -> list[Mark]:
    """Values that look like the URL of the next page."""
    return [mark for mark in marks if mark.plain in _LINKS and _is_next(mark) and _is_url(mark.value)]


def find_cursors(marks: Sequence[Mark]) -> list[Mark]:
    """Values that look like the cursor of the next page: text, or a number."""
    return [
        mark
        for mark in marks
        if mark.plain in _CURSORS and type(mark.value) in {str, int} and mark.value and not _is_url(mark.value)
    ]


def find_more(marks: Sequence[Mark]) -> Mark | None:
    """The value that says whether there are more pages: true, or the number of the next one."""
    told = next((mark for mark in marks if mark.plain in _MORE and isinstance(mark.value, bool)), None)
    return told or find_next_number(marks)


def find_next_number(marks: Sequence[Mark]) -> Mark | None:
    """The number of the next page, as a server tells it that numbers them."""
    numbers = (mark for mark in marks if mark.plain in _NEXT_NUMBERS and type(mark.value) is int)
    return next((mark for mark in numbers if mark.value in {1, 2}), None)


def _items(mark: Mark, marks: Sequence[Mark]) -> Items | None:
    entries = cast("list[object]", mark.value)
    if all(isinstance(entry, Mapping) for entry in entries):
        return Items(path=mark.path, rows=_objects(entries))
    if not all(isinstance(entry, list) for entry in entries):
        return None
    lengths = {len(cast("list[object]", entry)) for entry in entries}
    for other in marks:
        names = column_names(other.value)
        if names is not None and lengths == {len(names)} and other.keys[:-1] == mark.keys[:-1] and other != mark:
            return Items(path=mark.path, rows=_named(entries, names), names_at=other.path)
    return None


def _objects(entries: Sequence[object]) -> list[Item]:
    return [cast("Item", entry) for entry in entries if isinstance(entry, Mapping)]


def _named(entries: Sequence[object], names: Sequence[str]) -> list[Item]:
    rows = [cast("list[object]", entry) for entry in entries if isinstance(entry, list)]
    return [dict(zip(names, row, strict=True)) for row in rows if len(row) == len(names)]


def _next_of_links(entries: list[object], keys: tuple[str, ...]) -> Iterator[Mark]:
    """The URL that a list of links has for the next page."""
    for entry in _objects(entries):
        relation = next((name for name in _NEXT_OF if entry.get(name) == "next"), None)
        place = next((name for name in _URLS if isinstance(entry.get(name), str)), None)
        if relation is not None and place is not None:
            yield Mark(keys=(*keys, f"[{relation}=next]", place), value=entry[place])


def _plain(key: str) -> str:
    return re.sub(r"[_\- ]", "", key).lower()


def _is_next(mark: Mark) -> bool:
    """`next`, `links.next.href` and `links[rel=next].href`, but not `links.prev.href`."""
    return any("next" in key.lower() for key in mark.keys[-2:])


def _is_url(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://", "/", "?"))
