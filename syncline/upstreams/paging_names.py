"""What the parameters of paging are customarily called, and which of a URL's parameters are such."""

from collections.abc import Sequence

__all__ = ["CURSORS", "KEYS", "OFFSETS", "PAGES", "SIZES", "split_query"]

PAGES = ("page", "page[number]", "pageNumber", "page_number", "p", "pageIndex", "_page")
OFFSETS = ("offset", "skip", "$skip", "start", "startAt", "page[offset]", "_start", "startIndex", "_offset")
SIZES = (
    "per_page", "limit", "page_size", "pageSize", "perPage", "size", "max_results", "maxResults",
    "page[size]", "count", "take", "$top", "pagesize", "page[limit]", "first", "_limit", "_size", "_per_page", "_count",
)  # fmt: skip
CURSORS = ("cursor", "after", "page_token", "pageToken", "next_token", "next_cursor", "continuation", "page[cursor]")
KEYS = ("starting_after", "after", "after_id", "since_id", "last_id", "from_id")
_PLACES = frozenset({*CURSORS, *KEYS, "_next", "_token"}) - {"after"}
"""These name one place in the list, and are left out to begin at its start. `after` may be a filter by date."""


def split_query(query: Sequence[tuple[str, str]]) -> tuple[tuple[tuple[str, str], ...], dict[str, str]]:
    """The parameters that belong to the question, repeated ones included, and those that ask for its first page.

    A customary name counts for paging only if it has a whole number: `size=XL` and `start=2026-01-01` are filters.
    """
    fixed: list[tuple[str, str]] = []
    start: dict[str, str] = {}
    for name, value in query:
        if name in _PLACES:
            continue
        if name in PAGES and value.isdecimal():
            start[name] = value if value in {"0", "1"} else "1"
        elif name in OFFSETS and value.isdecimal():
            start[name] = "0"
        elif name in SIZES and value.isdecimal():
            start[name] = value
        else:
            fixed.append((name, value))
    return tuple(fixed), start
