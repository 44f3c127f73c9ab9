from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from sandbox import Box

Walk = Callable[[httpx.Client, str, int, dict[str, str]], Iterator[list[Any]]]
MOST_PAGES = 20


def ask(client: httpx.Client, path: str, **query: str | int) -> dict[str, Any]:
    return client.get(path, params=query).raise_for_status().json()


def by_page(client: httpx.Client, path: str, size: int, more: dict[str, str]) -> Iterator[list[Any]]:
    for page in range(1, MOST_PAGES):
        yield ask(client, path, page=page, per_page=size, **more)["data"]


def by_offset(client: httpx.Client, path: str, size: int, more: dict[str, str]) -> Iterator[list[Any]]:
    for page in range(MOST_PAGES):
        yield ask(client, path, offset=page * size, limit=size, **more)["data"]


def by_cursor(client: httpx.Client, path: str, size: int, more: dict[str, str]) -> Iterator[list[Any]]:
    answer = ask(client, path, paging="cursor", limit=size, **more)
    yield answer["data"]
    while answer["next_cursor"] is not None:
        answer = ask(client, path, cursor=answer["next_cursor"], limit=size, **more)
        yield answer["data"]


def by_key(client: httpx.Client, path: str, size: int, more: dict[str, str]) -> Iterator[list[Any]]:
    rows = ask(client, path, after="", limit=size, **more)["data"]
    while rows:
        yield rows
        rows = ask(client, path, after=rows[-1]["id"], limit=size, **more)["data"]


def by_link(client: httpx.Client, path: str, size: int, more: dict[str, str]) -> Iterator[list[Any]]:
    answer = client.get(path, params={"paging": "link", "per_page": size, **more}).raise_for_status()
    yield answer.json()["data"]
    while "next" in answer.links:
        answer = client.get(answer.links["next"]["url"]).raise_for_status()
        yield answer.json()["data"]


def by_range(client: httpx.Client, path: str, size: int, more: dict[str, str]) -> Iterator[list[Any]]:
    for page in range(MOST_PAGES):
        first = page * size
        answer = client.get(path, params=more, headers={"Range": f"items={first}-{first + size - 1}"})
        if answer.status_code == 416:
            return
        rows = answer.json()["data"]
        assert answer.status_code == 206
        assert answer.headers["Content-Range"].startswith(f"items {first}-{first + len(rows) - 1}/")
        yield rows


WALKS: list[Walk] = [by_page, by_offset, by_cursor, by_key, by_link, by_range]


@pytest.mark.parametrize("table", ["products", "customers"])
@pytest.mark.parametrize("walk", WALKS)
def test_every_kind_of_paging_walks_all_rows_once(box: Box, client: httpx.Client, walk: Walk, table: str) -> None:
    """A connector is tested against each kind on one and the same data."""
    pages = list(walk(client, f"/erp/{table}", 30, {}))
    assert [row["id"] for page in pages for row in page] == box.erp.tables[table].keys()
    assert max(len(page) for page in pages) == 30


@pytest.mark.parametrize("walk", [by_page, by_offset, by_cursor, by_link])
def test_rows_come_newest_first_where_asked(box: Box, client: httpx.Client, walk: Walk) -> None:
    """Deltas are often read from the newest change backwards."""
    pages = walk(client, "/erp/products", 40, {"sort": "-updated_at"})
    stamps = [row["updated_at"] for page in pages for row in page]
    assert len(stamps) == 250
    assert stamps == sorted((row.updated_at for row in box.erp.products), reverse=True)


@pytest.mark.parametrize("walk", WALKS)
def test_updated_since_holds_on_every_page(box: Box, client: httpx.Client, walk: Walk) -> None:
    """An incremental pass sees the rows at the very instant of its cursor too."""
    stamps = sorted(row.updated_at for row in box.erp.products)
    pages = walk(client, "/erp/products", 30, {"updated_since": stamps[150]})
    rows = [row for page in pages for row in page]
    assert sorted(row["updated_at"] for row in rows) == stamps[150:]
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)


def test_a_page_is_capped_without_a_word(client: httpx.Client) -> None:
    """Real servers lower a page size silently, and a connector that trusts its own number loses rows."""
    answer = ask(client, "/erp/products", offset=0, limit=10_000)
    assert len(answer["data"]) == 250
    answer = client.post("/sandbox/faults", json={"kind": "page_cap", "size": 20, "count": None})
    assert answer.status_code == 201
    for query in ({"per_page": 50}, {"limit": 50}, {"paging": "cursor", "limit": 50}):
        assert len(ask(client, "/erp/products", **query)["data"]) == 20


def test_the_default_page_has_a_hundred_rows_and_says_where_the_next_is(box: Box, client: httpx.Client) -> None:
    """Somebody who tries the address with curl sees how it pages."""
    answer = client.get("/erp/products")
    assert len(answer.json()["data"]) == 100
    assert (answer.json()["total"], answer.json()["page"]) == (250, 1)
    assert answer.links["next"]["url"] == f"{box.url}/erp/products?page=2&per_page=100"
    assert "Date" in answer.headers


def test_a_range_past_the_end_says_how_many_there_are(client: httpx.Client) -> None:
    """416 with the total ends a walk by ranges (RFC 9110, section 15.5.17)."""
    answer = client.get("/erp/products", headers={"Range": "items=250-299"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == "items */250"


@pytest.mark.parametrize(
    "query",
    [
        {"page": "0"},
        {"per_page": "none"},
        {"offset": "-1"},
        {"cursor": "x"},
        {"cursor": "bnVsbA"},
        {"after": "?"},
        {"after": "1001", "sort": "-updated_at"},
        {"updated_since": "lately"},
        {"sort": "price"},
        {"paging": "scroll"},
    ],
)
def test_a_wrong_parameter_is_refused_with_its_name(client: httpx.Client, query: dict[str, str]) -> None:
    """A connector's mistake shows at once, not as a wrong set of rows."""
    answer = client.get("/erp/products", params=query)
    assert answer.status_code == 400
    assert f"`{next(iter(query))}`" in answer.json()["error"]["message"]


def test_a_cursor_goes_on_after_its_row_is_gone(box: Box, client: httpx.Client) -> None:
    """Cursors hold a place in the order, as good servers' do, and neither lose nor repeat rows."""
    first = ask(client, "/erp/products", paging="cursor", limit=10)
    box.erp.products.delete(first["data"][-1]["id"])
    second = ask(client, "/erp/products", cursor=first["next_cursor"], limit=10)
    assert second["data"][0]["id"] == box.erp.products.keys()[9]
