"""What the feeds' connectors send, each with a paging of its own, at the HTTP edge."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import respx
from support.edge import BASE, client_of, params_of, read, requests_of, rows_of

from syncline.errors import RateLimitedError, RejectedError, UnavailableError
from syncline.listings import feeds
from syncline.model.upstream import Upstream
from syncline.upstreams.rest import RestPages

FEED = Upstream(name="feed")
ITEMS = [{"id": number} for number in range(1, 251)]
Answer = Callable[[httpx.Request], httpx.Response]


def page(start: int) -> list[dict[str, int]]:
    return ITEMS[start : start + 100]


def airdrops(request: httpx.Request) -> httpx.Response:
    rows = page((int(request.url.params["page"]) - 1) * 100)
    return httpx.Response(200, json={"data": rows, "total": 250})


def upcoming(request: httpx.Request) -> httpx.Response:
    start = int(request.url.params.get("cursor", "c0")[1:])
    following = f"c{start + 100}" if start + 100 < 250 else None
    return httpx.Response(200, json={"items": page(start), "next_cursor": following})


def quests(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"quests": page(int(request.url.params["offset"])), "total": 250})


def points(request: httpx.Request) -> httpx.Response:
    start = int(request.url.params.get("after", "0"))
    link = {"Link": f'</programs?after={start + 100}&per_page=100>; rel="next"'} if start + 100 < 250 else {}
    return httpx.Response(200, json=page(start), headers=link)


def sponsored(request: httpx.Request) -> httpx.Response:
    start = int(request.url.params.get("after", "0"))
    following = f"{BASE}/campaigns?after={start + 100}" if start + 100 < 250 else None
    return httpx.Response(200, json={"campaigns": page(start), "links": {"next": following}})


def community(request: httpx.Request) -> httpx.Response:
    start = int(request.url.params.get("after", request.url.params.get("id", "0")))
    return httpx.Response(200, json={"submissions": page(start), "has_more": start + 100 < 250})


def pools(request: httpx.Request) -> httpx.Response:
    del request
    return httpx.Response(200, json={"status": "success", "data": ITEMS})


SIZE = {"per_page": "100"}
LIMIT = {"limit": "100"}
FEEDS: list[tuple[RestPages, str, Answer, list[dict[str, str]]]] = [
    (feeds.airdrops, "/airdrops", airdrops, [SIZE | {"page": page} for page in ("1", "2", "3")]),
    (feeds.upcoming, "/upcoming", upcoming, [LIMIT, LIMIT | {"cursor": "c100"}, LIMIT | {"cursor": "c200"}]),
    (feeds.quests, "/quests", quests, [LIMIT | {"offset": offset} for offset in ("0", "99", "198")]),  # one overlaps
    (feeds.points, "/programs", points, [SIZE, SIZE | {"after": "100"}, SIZE | {"after": "200"}]),
    (feeds.sponsored, "/campaigns", sponsored, [SIZE, {"after": "100"}, {"after": "200"}]),
    (feeds.community, "/submissions", community, [LIMIT, LIMIT | {"after": "100"}, LIMIT | {"after": "200"}]),
    (feeds.pools, "/pools", pools, [{}]),
]


@pytest.mark.parametrize(("pages", "path", "answer", "asked"), FEEDS)
def test_each_feed_is_walked_to_its_end_by_its_own_paging(
    edge: respx.Router, pages: RestPages, path: str, answer: Answer, asked: list[dict[str, str]]
) -> None:
    """Each item once, no request twice, none with a credential that the feed does not ask for."""
    route = edge.get(url__startswith=f"{BASE}{path}").mock(side_effect=answer)
    found = asyncio.run(read(pages, client_of(edge, FEED)))
    assert sorted({row["id"] for row in rows_of(found)}) == list(range(1, 251))
    assert params_of(route) == asked
    assert {request.url.path for request in requests_of(route)} == {path}
    assert not any("authorization" in request.headers for request in requests_of(route))


@pytest.mark.parametrize("pages", [feed[0] for feed in FEEDS])
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(429, headers={"Retry-After": "60"}), RateLimitedError),
        (httpx.Response(503, headers={"Retry-After": "60"}), RateLimitedError),
        (httpx.Response(503), UnavailableError),
        (httpx.Response(200, json={"status": "failed", "error": "no database"}), UnavailableError),
        (httpx.Response(200, json={"message": "moved"}), UnavailableError),
        (httpx.Response(200, text="<html>hello</html>"), UnavailableError),
        (httpx.RemoteProtocolError("cut"), UnavailableError),
    ],
)
def test_no_feed_takes_a_failure_for_an_empty_list(
    edge: respx.Router, pages: RestPages, answer: httpx.Response | Exception, error: type[Exception]
) -> None:
    """An empty list would delete what is stored. One request is sent: trying again is the run's business."""
    effect: Any = {"return_value" if isinstance(answer, httpx.Response) else "side_effect": answer}
    route = edge.get(host="api.example").mock(**effect)
    with pytest.raises(error):
        asyncio.run(read(pages, client_of(edge, FEED)))
    assert len(requests_of(route)) == 1


def test_a_link_to_another_host_is_not_followed(edge: respx.Router) -> None:
    """A feed that was taken over would have us fetch from anywhere; the router has no route there."""
    away = {"campaigns": page(0), "links": {"next": "https://elsewhere.example/campaigns?after=100"}}
    edge.get(url__startswith=f"{BASE}/campaigns").respond(json=away)
    with pytest.raises(RejectedError, match="another host"):
        asyncio.run(read(feeds.sponsored, client_of(edge, FEED)))
