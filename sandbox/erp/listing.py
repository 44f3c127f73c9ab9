"""One page of a table as an answer, and what the faults of data do to it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from sandbox.answers import RefusedError, json_bytes
from sandbox.clock import read_stamp, stamp
from sandbox.erp.selection import Mark, Selection
from sandbox.erp.table import Table
from sandbox.fault_book import Order
from sandbox.faults import BadRows, MovingRows, PageCap
from sandbox.paging import LARGEST_SIZE, PAGING_PARAMETERS, PageRequest, next_query, read_page_request
from sandbox.upstream import struck_by


@dataclass(frozen=True, kw_only=True)
class Page:
    """The rows served, and where they stand in the selection."""

    asked: PageRequest
    selection: Selection
    start: int
    serials: list[int]

    @property
    def stop(self) -> int:
        """The position after the last row."""
        return self.start + len(self.serials)

    @property
    def more(self) -> bool:
        """Whether rows come after this page."""
        return bool(self.serials) and self.stop < len(self.selection)


def answer_page(table: Table[Any], request: web.Request) -> web.Response:
    """The page that a request asks for.

    Raises:
        RefusedError: a parameter is wrong, or the range begins past the end.
    """
    cap = min([LARGEST_SIZE, *(fault.size for _, fault in struck_by(request, PageCap))])
    asked = read_page_request(request.query, request.headers.get("Range"), cap=cap)
    with table.lock:
        page = _page(table, request, asked)
        total = len(page.selection)
        bodies = table.bodies(page.serials)
        mark = _next_mark(table, page)
        for order, fault in struck_by(request, MovingRows):
            _move(table, page, order, fault)
    for _, bad in struck_by(request, BadRows):
        bodies = _spoiled(table, bodies, bad)
    return json_bytes(
        _envelope(page, bodies, total, mark),
        status=206 if asked.kind == "range" else 200,
        headers=_headers(request, page, total, mark),
    )


def _page(table: Table[Any], request: web.Request, asked: PageRequest) -> Page:
    selection = table.select(since=_since(request), newest_first=_newest_first(request))
    start = asked.start
    if asked.kind == "keyset" and selection.falling:
        raise RefusedError(400, "`after` goes with sort=id only.")
    if asked.mark:
        start = selection.after(_read_mark(table, asked, falling=selection.falling))
    if asked.kind == "range" and start >= len(selection):
        ends = {"Content-Range": f"items */{len(selection)}"}
        raise RefusedError(416, f"There are {len(selection)} items only.", ends)
    return Page(
        asked=asked,
        selection=selection,
        start=start,
        serials=selection.cut(start, start + asked.size),
    )


def _since(request: web.Request) -> str:
    text = request.query.get("updated_since")
    if text is None:
        return ""
    try:
        return stamp(read_stamp(text))
    except (ValueError, OverflowError) as error:
        raise RefusedError(400, f"`updated_since` must be an ISO 8601 time, not {text!r}.") from error


def _newest_first(request: web.Request) -> bool:
    sort = request.query.get("sort", "id")
    if sort not in {"id", "-updated_at"}:
        raise RefusedError(400, f"`sort` must be id or -updated_at, not {sort!r}.")
    return sort == "-updated_at"


def _next_mark(table: Table[Any], page: Page) -> str:
    """What the next request carries: a cursor, or the last id; empty after the last page."""
    if not page.more:
        return ""
    last = page.serials[-1]
    if page.asked.kind != "cursor":
        return str(table.kind.key(last))
    place = [table.updated_at(last), last] if page.selection.falling else last
    return urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def _read_mark(table: Table[Any], asked: PageRequest, *, falling: bool) -> Mark:
    if asked.kind == "keyset":
        serial = 0 if asked.mark == "0" else table.kind.serial(asked.mark)
        if serial is None:
            raise RefusedError(400, f"`after` must be an id, not {asked.mark!r}.")
        return serial
    try:
        place = orjson.loads(urlsafe_b64decode(asked.mark + "=" * (-len(asked.mark) % 4)))
    except ValueError:
        place = None
    match place, falling:
        case int(serial), False:
            return serial
        case [str(updated_at), int(serial)], True:
            return updated_at, serial
        case _:
            raise RefusedError(400, "`cursor` is not one of ours, or was given for another sort.")


def _envelope(page: Page, bodies: list[bytes], total: int, mark: str) -> bytes:
    asked = page.asked
    number = asked.start // asked.size + 1 if asked.kind in {"page", "link"} else None
    cursor = (mark or None) if asked.kind == "cursor" else None
    rest = orjson.dumps({"total": total, "page": number, "next_cursor": cursor})
    return b'{"data":[%b],%b' % (b",".join(bodies), rest[1:])


def _headers(request: web.Request, page: Page, total: int, mark: str) -> dict[str, str]:
    headers = {"Accept-Ranges": "items"}
    if page.asked.kind == "range":
        headers["Content-Range"] = f"items {page.start}-{page.stop - 1}/{total}"
    if mark:
        kept = {name: text for name, text in request.query.items() if name not in PAGING_PARAMETERS}
        url = request.url.with_query({**kept, **next_query(page.asked, page.stop, mark)})
        headers["Link"] = f'<{url}>; rel="next"'
    return headers


def _move(table: Table[Any], page: Page, order: Order, fault: MovingRows) -> None:
    if fault.mode == "insert_early":
        order.touched += table.create(fault.rows, early=True)
        return
    early = fault.mode == "delete_early"
    serials = page.serials if early else page.selection.cut(page.stop, page.stop + fault.rows)
    for key in [table.kind.key(serial) for serial in serials[: fault.rows]]:
        (table.delete if early else table.update)(key)
        order.touched.append(key)


def _spoiled(table: Table[Any], bodies: list[bytes], fault: BadRows) -> list[bytes]:
    """The rows at even distances broken, each in the next way."""
    spoiled = list(bodies)
    ways = list(table.kind.breakages)
    count = min(fault.rows, len(bodies))
    for turn in range(count):
        place = turn * len(bodies) // count
        row = orjson.loads(bodies[place])
        table.kind.breakages[fault.how or ways[turn % len(ways)]](row)
        spoiled[place] = orjson.dumps(row)
    return spoiled
