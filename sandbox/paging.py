"""Every way of asking for a page, on one path: the parameters choose.

| kind | first request | next request |
| --- | --- | --- |
| page (the default) | `page=1&per_page=100` | `page=2&per_page=100` |
| offset | `offset=0&limit=100` | `offset=100&limit=100` |
| cursor | `paging=cursor&limit=100` | `cursor=…&limit=100`, from `next_cursor` |
| keyset | `after=&limit=100` | `after=LAST_ID&limit=100` |
| link | `paging=link` | the URL in `Link: <…>; rel="next"` |
| range | header `Range: items=0-99` | `Range: items=100-199`, until 416 |

`per_page` and `limit` mean the same. A size above the cap is lowered without a word.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from sandbox.answers import RefusedError

DEFAULT_SIZE = 100
LARGEST_SIZE = 500

Kind = Literal["page", "offset", "cursor", "keyset", "link", "range"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, kw_only=True)
class PageRequest:
    """Which rows are asked for, and how."""

    kind: Kind
    size: int
    """Rows a page, cap applied."""
    start: int = 0
    """Position of the first row, where the kind counts positions."""
    mark: str = ""
    """The cursor, or the id after which the page begins; empty for the beginning."""


def read_page_request(query: Mapping[str, str], range_header: str | None, *, cap: int = LARGEST_SIZE) -> PageRequest:
    """The page that query and Range header ask for.

    Raises:
        RefusedError: 400 for a wrong parameter, 416 for a range that makes no sense.
    """
    if range_header is not None and range_header.startswith("items"):
        return _range_request(range_header, cap)
    kind = _kind(query)
    size = min(_number(query, "per_page", _number(query, "limit", DEFAULT_SIZE, least=1), least=1), cap)
    if kind in {"page", "link"}:
        page = _number(query, "page", 1, least=1)
        return PageRequest(kind=kind, size=size, start=(page - 1) * size)
    if kind == "offset":
        return PageRequest(kind=kind, size=size, start=_number(query, "offset", 0, least=0))
    return PageRequest(kind=kind, size=size, mark=query.get("cursor" if kind == "cursor" else "after", ""))


def next_query(request: PageRequest, stop: int, mark: str) -> dict[str, str]:
    """The parameters that ask for the page after this one, which ended before position `stop`, at `mark`."""
    size = str(request.size)
    match request.kind:
        case "page" | "link":
            page = {"page": str(request.start // request.size + 2), "per_page": size}
            return {**page, "paging": "link"} if request.kind == "link" else page
        case "offset" | "range":
            return {"offset": str(stop), "limit": size}
        case "cursor":
            return {"cursor": mark, "limit": size}
        case "keyset":
            return {"after": mark, "limit": size}


PAGING_PARAMETERS = frozenset({"page", "per_page", "offset", "limit", "cursor", "after", "paging"})


def _kind(query: Mapping[str, str]) -> Kind:
    named = query.get("paging")
    if named is not None and named not in KINDS:
        raise RefusedError(400, f"`paging` must be one of {', '.join(KINDS)}, not {named!r}.")
    if named is not None:
        return named
    if "cursor" in query:
        return "cursor"
    if "after" in query:
        return "keyset"
    counts = "offset" in query or ("limit" in query and "page" not in query)
    return "offset" if counts else "page"


def _number(query: Mapping[str, str], name: str, default: int, *, least: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < least:
        raise RefusedError(400, f"`{name}` must be a whole number of at least {least}, not {text!r}.")
    return int(text)


def _range_request(header: str, cap: int) -> PageRequest:
    asked = re.fullmatch(r"items=([0-9]{1,9})-([0-9]{0,9})", header)
    if asked is None:
        raise RefusedError(416, f"Range must read like items=0-99, not {header!r}.")
    first = int(asked[1])
    last = int(asked[2]) if asked[2] else first + DEFAULT_SIZE - 1
    if last < first:
        raise RefusedError(416, f"The range {header!r} ends before it begins.")
    return PageRequest(kind="range", size=min(last - first + 1, cap), start=first)
