"""What the ERP's connectors send, and what they make of its answers, at the HTTP edge."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import respx
from support.edge import BASE, client_of, params_of, read, requests_of, rows_of

from syncline.clock import ManualClock
from syncline.erp import pages
from syncline.errors import RateLimitedError, RefusedError, RejectedError, UnavailableError
from syncline.model.page import Ask
from syncline.model.policies import Mode
from syncline.model.upstream import Auth, Upstream
from syncline.upstreams.client import UpstreamClient
from syncline.upstreams.rest import RestPages

ERP = Upstream(name="erp", auth=Auth.BEARER)
TOKEN = "hush-hush-token"
DATASETS = pytest.mark.parametrize(
    ("pages", "path"), [(pages.products, "/erp/products"), (pages.customers, "/erp/customers")]
)


@pytest.fixture
def client(edge: respx.Router, clock: ManualClock) -> UpstreamClient:
    return client_of(edge, ERP, clock=clock, token=TOKEN)


def listing(total: int) -> Callable[[httpx.Request], httpx.Response]:
    """So many items in pages, as the ERP gives them."""

    def answer(request: httpx.Request) -> httpx.Response:
        page, size = int(request.url.params["page"]), int(request.url.params["per_page"])
        rows: list[dict[str, Any]] = [{"id": n} for n in range((page - 1) * size + 1, min(page * size, total) + 1)]
        headers = {"Date": "Thu, 22 Jan 2026 10:00:00 GMT", "ETag": f'"{page}"'}
        return httpx.Response(200, json={"data": rows, "total": total, "page": page}, headers=headers)

    return answer


@DATASETS
def test_a_full_pass_asks_for_each_page_once_with_our_token(
    edge: respx.Router, client: UpstreamClient, pages: RestPages, path: str
) -> None:
    """A page each, of 500, and nothing about changes; a GET has no body and no condition that a 304 could answer."""
    route = edge.get(f"{BASE}{path}").mock(side_effect=listing(1_001))
    found = asyncio.run(read(pages, client))
    assert sorted(row["id"] for row in rows_of(found)) == list(range(1, 1_002))
    assert [page.total for page in found] == [1_001] * 3
    assert found[0].answered_at == datetime(2026, 1, 22, 10, tzinfo=UTC)
    assert params_of(route) == [{"page": str(page), "per_page": "500"} for page in (1, 2, 3)]
    for request in requests_of(route):
        headers = request.headers
        assert (request.method, headers["authorization"]) == ("GET", f"Bearer {TOKEN}")
        assert (headers["user-agent"], headers["accept-encoding"]) == ("syncline", "gzip, deflate")
        assert headers["accept"].startswith("application/json")
        assert request.content == b""
        assert not {"if-none-match", "if-modified-since", "content-type", "cookie"} & set(headers)


@DATASETS
def test_an_incremental_pass_asks_for_changes_in_utc(
    edge: respx.Router, client: UpstreamClient, pages: RestPages, path: str
) -> None:
    """With microseconds: an instant that was cut would be early, one that was rounded may be late."""
    route = edge.get(f"{BASE}{path}").mock(side_effect=listing(1))
    since = datetime.fromisoformat("2026-01-22T11:00:00.123456+01:00")
    asyncio.run(read(pages, client, Ask(mode=Mode.INCREMENTAL, updated_since=since)))
    assert params_of(route) == [{"page": "1", "per_page": "500", "updated_since": "2026-01-22T10:00:00.123456Z"}]


def test_a_pass_goes_on_at_the_page_behind_the_stored_one(edge: respx.Router, clock: ManualClock) -> None:
    """What was stored is not asked for again, but for the overlap that shows whether the list has moved."""
    route = edge.get(f"{BASE}/erp/products").mock(side_effect=listing(2_000))
    first = asyncio.run(read(pages.products, client_of(edge, ERP, clock=clock, token=TOKEN)))
    asked = len(requests_of(route))
    again = client_of(edge, ERP, clock=clock, token=TOKEN)
    rest = asyncio.run(read(pages.products, again, Ask(resume=first[1].resume)))
    assert [row["id"] for row in rows_of(rest)][-1000:] == list(range(1_001, 2_001))
    assert {one["page"] for one in params_of(route)[asked:]} >= {"3", "4"}
    assert "1" not in {one["page"] for one in params_of(route)[asked:]}


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (httpx.Response(401, text="who?"), RefusedError, "check SYNCLINE_UPSTREAMS__ERP__TOKEN"),
        (httpx.Response(403, text="no"), RefusedError, "check SYNCLINE_UPSTREAMS__ERP__TOKEN"),
        (httpx.Response(404, text="gone"), RejectedError, "/erp/products"),
        (httpx.Response(422, text=f"bad {TOKEN}"), RejectedError, "422"),
        (httpx.Response(500), UnavailableError, "500"),
        (httpx.Response(304, headers={"ETag": '"1"'}), UnavailableError, "304"),
        (httpx.Response(200, text="<html>login</html>"), UnavailableError, "web page instead of data"),
        (httpx.Response(200, json={"error": "sleepy"}), UnavailableError, "sleepy"),
        (httpx.Response(200, text='{"data":[{"id":1}'), UnavailableError, "erp"),
        (httpx.ReadTimeout("slow"), UnavailableError, "did not answer /erp/products in time"),
        (httpx.ConnectError("refused"), UnavailableError, "could not be read"),
    ],
)
def test_each_failure_is_told_by_its_kind_without_our_token(
    edge: respx.Router,
    client: UpstreamClient,
    answer: httpx.Response | Exception,
    error: type[Exception],
    said: str,
) -> None:
    """The kind decides whether it is tried again, held, or counted by the breaker; nothing is tried again here."""
    effect: Any = {"return_value" if isinstance(answer, httpx.Response) else "side_effect": answer}
    route = edge.get(f"{BASE}/erp/products").mock(**effect)
    with pytest.raises(error, match=said) as caught:
        asyncio.run(read(pages.products, client))
    assert TOKEN not in str(caught.value)
    assert len(requests_of(route)) == client.requests == 1


@pytest.mark.parametrize(
    ("retry_after", "expected"),
    [("30", "2026-01-22T10:00:30"), ("Thu, 22 Jan 2026 10:05:00 GMT", "2026-01-22T10:05:00"), (None, None)],
)
def test_a_429_says_when_it_may_be_asked_again(
    edge: respx.Router, clock: ManualClock, retry_after: str | None, expected: str | None
) -> None:
    """In seconds or as a date; where it says nothing, the budget's own policy decides."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    edge.get(f"{BASE}/erp/products").respond(429, headers=headers)
    with pytest.raises(RateLimitedError) as caught:
        asyncio.run(read(pages.products, client_of(edge, ERP, clock=clock, token=TOKEN)))
    until = None if expected is None else datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert caught.value.retry_at == until
