"""Finds the list of items in an unknown body, and the values that tell of paging around it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from syncline.model.places import dotted_keys
from syncline.upstreams.envelope import value_at
from syncline.upstreams.named_rows import column_names

__all__ = ["Item", "Items", "Landmark", "find_items", "items_at", "landmarks"]

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
"""What lists are called that stand beside the items: only where there is no other may they be the items."""
_NEXT_OF = ("rel", "relation", "name")
_URLS = ("href", "url", "uri")


@dataclass(frozen=True, kw_only=True)
class Landmark:
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


def landmarks(body: object, keys: tuple[str, ...] = ()) -> Iterator[Landmark]:
    """All values under the objects of `body`; of lists only a link to the next page."""
    yield Landmark(keys=keys, value=body)
    if isinstance(body, Mapping) and len(keys) < _DEEPEST:
        for key, value in cast("Item", body).items():
            yield from landmarks(value, (*keys, key))
    elif isinstance(body, list) and keys:
        yield from _next_of_links(cast("list[object]", body), keys)


def find_items(body: object, name: str = "") -> Items | None:
    """The list of items; `name` is what the last part of the URL calls it.

    A list of objects, or of lists of values beside as many column names. Customary names go first, then the longest,
    then the outermost; a list that is customarily beside the items (links, facets) comes last, behind an empty one.
    """
    marks = list(landmarks(body))
    lists = [mark for mark in marks if isinstance(mark.value, list)]
    wanted = {*_ROWS, _plain(name)}
    found = [(mark, items) for mark in lists if (items := _items(mark, marks)) is not None]
    if not found:
        return None

    def rank(pair: tuple[Landmark, Items]) -> tuple[bool, bool, bool, int, int]:
        mark, items = pair
        beside = any(_plain(key) in _BESIDE for key in mark.keys)
        named = not mark.keys or mark.plain in wanted
        return (not beside, bool(items.rows), named, len(items.rows), -len(mark.keys))

    return max(found, key=rank)[1]


def items_at(body: object, like: Items) -> Items | None:
    """The list that stands in this body where that of another answer stood; None where there is none."""
    value = value_at(body, dotted_keys(like.path))
    names = None if like.names_at is None else column_names(value_at(body, dotted_keys(like.names_at)))
    if not isinstance(value, list) and (value is not None or isinstance(body, list)):
        return None
    entries = cast("list[object]", value or [])
    rows = _objects(entries) if like.names_at is None else _named(entries, names or [])
    return Items(path=like.path, rows=rows, names_at=like.names_at)


def _items(mark: Landmark, marks: Sequence[Landmark]) -> Items | None:
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


def _next_of_links(entries: list[object], keys: tuple[str, ...]) -> Iterator[Landmark]:
    """The URL that a list of links has for the next page."""
    for entry in _objects(entries):
        relation = next((name for name in _NEXT_OF if entry.get(name) == "next"), None)
        place = next((name for name in _URLS if isinstance(entry.get(name), str)), None)
        if relation is not None and place is not None:
            yield Landmark(keys=(*keys, f"[{relation}=next]", place), value=entry[place])


def _plain(key: str) -> str:
    return re.sub(r"[_\- ]", "", key).lower()
