"""Paging against a list in memory that behaves in every way a server may."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.errors import RejectedError
from syncline.model.ending import End
from syncline.model.page import Ask, Page, Request
from syncline.upstreams.client import Received
from syncline.upstreams.paging import Cursor, Offset, PageNumber, Paging, Range
from syncline.upstreams.rest import RestPages


@dataclass
class ListServer:
    """Serves `items` by page, offset and range.

    Attributes:
        cap_at: the cap that holds for the request of this number; None for none.
        strict: whether a capped server still counts pages by the size that was asked for.
        past: the status behind the end.
        before: called before each request, to move the list.
    """

    items: list[int]
    cap_at: Callable[[int], int | None] = lambda _request: None
    tells_total: bool = True
    strict: bool = False
    past: int = 200
    before: Callable[[int, list[int]], None] = lambda _request, _items: None
    requests: int = 0
    asked: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    name: str = "list"
    max_in_flight: int = 8

    async def send(self, request: Request) -> Received:
        """Answer as a server would."""
        query, headers = dict(request.params), request.headers
        self.requests += 1
        self.asked.append({**query, **headers})
        self.before(self.requests, self.items)
        start, asked, status = self._place(query, headers.get("Range"))
        rows = self.items[start : start + min(asked, self.cap_at(self.requests) or asked)]
        if not rows and start and max(self.past, status if status == 206 else 0) >= 206:
            code = 416 if status == 206 else self.past
            raise RejectedError("there is no such page", upstream=request.path, status=code)
        total: dict[str, object] = {"total": len(self.items)} if self.tells_total else {}
        told = httpx.Headers({"Content-Range": f"items {start}-{start + len(rows) - 1}/*"} if status == 206 else {})
        content = msgspec.json.encode({"data": [{"id": n} for n in rows], **total})
        return Received(content=content, headers=told, status_code=status, url=f"http://list/{request.path}")

    def _place(self, query: dict[str, str], wanted: str | None) -> tuple[int, int, int]:
        if wanted is not None:
            first, last = map(int, re.findall(r"\d+", wanted))
            return first, last - first + 1, 206
        asked = int(query.get("per_page", query.get("limit", "10")))
        if "offset" in query:
            return int(query["offset"]), asked, 200
        size = asked if self.strict else min(asked, self.cap_at(self.requests) or asked)
        return (int(query["page"]) - 1) * size, asked, 200


def read(server: ListServer, paging: Paging, resume: Page | None = None) -> list[Page]:
    pages = RestPages(path="list", items="data", paging=paging, total="total")

    async def scenario() -> list[Page]:
        ask = Ask(resume=None if resume is None else resume.resume)
        return [page async for page in pages(server, ask)]

    return asyncio.run(scenario())


def keys(pages: list[Page]) -> list[int]:
    return [msgspec.json.decode(row)["id"] for page in pages for row in page.rows]


COUNTING = st.sampled_from([PageNumber, Offset, Range])
SIZES = st.integers(1, 12)


@given(
    COUNTING, st.integers(0, 60), SIZES, st.none() | SIZES, st.booleans(), st.booleans(), st.sampled_from([200, 404])
)
def test_a_list_at_rest_is_read_completely_and_once(  # noqa: PLR0917 - hypothesis passes what it draws by position
    kind: type[PageNumber | Offset | Range],
    length: int,
    page_size: int,
    cap: int | None,
    tells_total: bool,  # noqa: FBT001
    strict: bool,  # noqa: FBT001
    past: int,
) -> None:
    """Sizes, caps, totals and ends combine in ways that no table of examples covers."""
    server = ListServer(
        items=list(range(length)), cap_at=lambda _: cap, tells_total=tells_total, strict=strict, past=past
    )
    pages = read(server, kind(page_size=page_size))
    assert keys(pages) == list(range(length))
    assert not any(page.moved for page in pages)
    assert [page.resume is None for page in pages] == [False] * (len(pages) - 1) + [True]


@given(COUNTING, st.integers(1, 60), SIZES, st.none() | SIZES, st.booleans(), st.data())
def test_a_list_at_rest_is_resumed_behind_any_page(  # noqa: PLR0917 - hypothesis passes what it draws by position
    kind: type[PageNumber | Offset | Range],
    length: int,
    page_size: int,
    cap: int | None,
    tells_total: bool,  # noqa: FBT001
    data: st.DataObject,
) -> None:
    """The adopted size is part of the place: another size would count other pages."""
    server = ListServer(items=list(range(length)), cap_at=lambda _: cap, tells_total=tells_total)
    pages = read(server, kind(page_size=page_size))
    stored = data.draw(st.integers(0, len(pages) - 1))
    if pages[stored].resume is not None:
        rest = read(server, kind(page_size=page_size), resume=pages[stored])
        assert keys(pages[: stored + 1] + rest) == list(range(length))


@given(COUNTING, st.integers(0, 60), SIZES, SIZES, st.integers(1, 8), st.integers(1, 8), st.booleans(), st.booleans())
def test_a_cap_that_comes_and_goes_loses_nothing(  # noqa: PLR0917 - hypothesis passes what it draws by position
    kind: type[PageNumber | Offset | Range],
    length: int,
    page_size: int,
    cap: int,
    begins: int,
    lasts: int,
    tells_total: bool,  # noqa: FBT001
    strict: bool,  # noqa: FBT001
) -> None:
    """Servers under load lower their caps in the middle of a pass; read twice is fine, not read is not."""
    begins = 1 if kind is PageNumber else begins
    server = ListServer(
        items=list(range(length)),
        cap_at=lambda request: cap if begins <= request < begins + lasts else None,
        tells_total=tells_total,
        strict=strict,
    )
    assert set(keys(read(server, kind(page_size=page_size)))) == set(range(length))


@given(st.integers(2, 6), st.sampled_from([1, 2, 100]), st.integers(1, 9), st.booleans(), st.booleans())
def test_a_cap_that_comes_between_numbered_pages_loses_nothing(
    begins: int,
    lasts: int,
    cap: int,
    tells_total: bool,  # noqa: FBT001
    strict: bool,  # noqa: FBT001
) -> None:
    """With the size the server changes what a number means, unless it counts by what was asked for."""
    server = ListServer(
        items=list(range(100)),
        cap_at=lambda request: cap if begins <= request < begins + lasts else None,
        tells_total=tells_total,
        strict=strict,
    )
    assert set(keys(read(server, PageNumber(page_size=10)))) == set(range(100))


@pytest.mark.parametrize("kind", [Offset, Range])
@pytest.mark.parametrize("tells_total", [True, False])
def test_items_that_go_under_the_pass_hide_no_others(kind: type[Offset | Range], tells_total: bool) -> None:  # noqa: FBT001
    """A deleted item moves all behind it to the front, across the page's bound."""

    def delete(request: int, items: list[int]) -> None:
        if request == 3:
            del items[2:5]

    server = ListServer(items=list(range(60)), before=delete, tells_total=tells_total)
    pages = read(server, kind(page_size=10))
    assert set(keys(pages)) >= set(range(60)) - {2, 3, 4}
    assert any(page.moved for page in pages)


@pytest.mark.parametrize("kind", [Offset, Range])
def test_items_that_come_under_the_pass_are_not_counted_twice(kind: type[Offset | Range]) -> None:
    """An inserted item pushes those already read back into the next page."""

    def insert(request: int, items: list[int]) -> None:
        if request == 2:
            items[:0] = [-1, -2]

    server = ListServer(items=list(range(40)), before=insert, tells_total=False)
    pages = read(server, kind(page_size=10))
    assert keys(pages) == list(range(40))
    assert any(page.moved for page in pages)


@pytest.mark.parametrize("kind", [PageNumber, Offset])
def test_a_total_that_changes_is_a_list_that_moved(kind: type[PageNumber | Offset]) -> None:
    """Pages by number cannot see the movement itself; the pass must not take what it missed for deleted."""

    def insert(request: int, items: list[int]) -> None:
        if request == 3:
            items.append(99)

    pages = read(ListServer(items=list(range(40)), before=insert), kind(page_size=10))
    assert [page.moved for page in pages][:2] == [False, False]
    assert any(page.moved for page in pages)
    assert 99 in keys(pages)


def test_a_total_that_is_cut_off_hides_nothing() -> None:
    """Search servers say 10,000 and have more."""

    class CutTotal(ListServer):
        async def send(self, request: Request) -> Received:
            answer = await super().send(request)
            content = {**msgspec.json.decode(answer.content), "total": 20}
            return replace(answer, content=msgspec.json.encode(content))

    assert keys(read(CutTotal(items=list(range(45))), PageNumber(page_size=10))) == list(range(45))


def test_a_server_that_hides_rows_of_a_page_is_read_to_its_end() -> None:
    """Permissions are often applied behind the paging: pages come short, and are not the last."""

    class Hiding(ListServer):
        async def send(self, request: Request) -> Received:
            answer = await super().send(request)
            body = msgspec.json.decode(answer.content)
            body["data"] = [row for row in body["data"] if row["id"] % 7]
            return replace(answer, content=msgspec.json.encode(body))

    server = Hiding(items=list(range(100)), tells_total=False)
    assert set(keys(read(server, PageNumber(page_size=10)))) == {n for n in range(100) if n % 7}
    assert server.requests < 60


def test_a_404_in_place_of_the_list_is_no_end() -> None:
    """A list that is gone altogether must not pass for one that was read to its end."""

    def vanish(request: int, items: list[int]) -> None:
        if request > 1:
            message = "gone"
            raise RejectedError(message, upstream="list", status=404)

    with pytest.raises(RejectedError):
        read(ListServer(items=list(range(40)), before=vanish, tells_total=False), PageNumber(page_size=10))


def test_a_short_list_is_not_asked_for_eight_pages() -> None:
    """Requests past the end cost budget, and most lists are short."""
    server = ListServer(items=list(range(15)), tells_total=False)
    read(server, PageNumber(page_size=10))
    assert server.requests <= 4


def test_a_cursor_that_stands_still_is_no_progress() -> None:
    """Some servers give the last cursor again and again; the pass would never end."""

    class Still(ListServer):
        async def send(self, request: Request) -> Received:
            answer = await super().send(replace(request, params={"page": "1", **dict(request.params)}))
            content = {**msgspec.json.decode(answer.content), "next_cursor": "abc"}
            return replace(answer, content=msgspec.json.encode(content))

    ending = read(Still(items=[1], tells_total=False), Cursor())[-1].ending
    assert ending is not None
    assert ending.end is End.CIRCLES
