"""The simulated feeds: shapes, paging, changes and faults."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import sandbox
from sandbox.feeds.world import SIZES, Feeds
from sandbox.server import opened

PATHS = {
    "airdrops": "/airdrops",
    "airdrops_upcoming": "/upcoming",
    "quests": "/quests",
    "points": "/programs",
    "sponsored": "/campaigns",
    "community": "/submissions",
    "yield": "/pools",
}


@pytest.fixture
def get(client: httpx.Client) -> Callable[..., httpx.Response]:
    """Asks a feed for its list."""

    def asked(name: str, **query: Any) -> httpx.Response:  # noqa: ANN401 - any parameter
        return client.get(f"/feeds/{name}{PATHS[name]}", params=query)

    return asked


def test_the_same_seed_makes_the_same_feeds() -> None:
    """A demo that is told about looks as it was told."""
    one, other, third = (Feeds(seed=seed, pools=20) for seed in (7, 7, 8))
    for feeds in (one, other):
        for _ in range(5):
            feeds["airdrops"].change(create=1, delete=1)
    assert {name: [item.get("slug") or item for item in feed.items()] for name, feed in one.by_name.items()} == {
        name: [item.get("slug") or item for item in feed.items()] for name, feed in other.by_name.items()
    }
    assert one["yield"].items() != third["yield"].items()


def test_pools_have_defillamas_shape(get: Callable[..., httpx.Response]) -> None:
    """Anyone who sets the real address must find nothing else."""
    body = get("yield").json()
    assert (body.keys(), body["status"], len(body["data"])) == ({"status", "data"}, "success", 300)
    first = body["data"][0]
    wanted = {"chain", "project", "symbol", "tvlUsd", "apyBase", "apyReward", "apy", "pool", "stablecoin", "ilRisk"}
    assert wanted | {"exposure", "predictions", "poolMeta", "rewardTokens", "underlyingTokens"} <= set(first)
    assert any(pool["apyReward"] is None for pool in body["data"])
    assert any(isinstance(pool["apyReward"], float) for pool in body["data"])


def _rows(got: httpx.Response) -> list[dict[str, Any]]:
    """The items of a page: the body's list, or the body."""
    body: Any = got.json()
    lists: dict[str, Any] = {"body": body} if got.content.startswith(b"[") else body
    return next(
        lists[name] for name in ("body", "data", "items", "quests", "campaigns", "submissions") if name in lists
    )


def _following(name: str, got: httpx.Response, seen: int) -> dict[str, Any]:
    """What asks for the next page, as the feed says it; nothing after the last."""
    body: Any = got.json()
    match name:
        case "airdrops":
            return {"page": seen // 10 + 1} if seen < body["total"] else {}
        case "quests":
            return {"offset": seen} if seen < body["total"] else {}
        case "airdrops_upcoming":
            return {"cursor": body["next_cursor"]} if body["next_cursor"] else {}
        case "points":
            return dict(httpx.URL(got.links["next"]["url"]).params) if got.links else {}
        case "sponsored":
            return dict(httpx.URL(body["links"]["next"]).params) if body["links"]["next"] else {}
        case _:
            return {"after": body["submissions"][-1]["id"]} if body["has_more"] else {}


@pytest.mark.parametrize("name", [name for name in PATHS if name != "yield"])
def test_pages_hold_everything_and_come_to_an_end(
    get: Callable[..., httpx.Response], box: sandbox.Box, name: str
) -> None:
    """By number, offset, cursor, link in the header or the body, and key."""
    kind = box.feeds[name].kind
    size = "per_page" if kind.paging in {"page", "link"} else "limit"
    found: list[Any] = []
    query: dict[str, Any] = {"page": 1} if name == "airdrops" else {"offset": 0} if name == "quests" else {"limit": 10}
    for _ in range(SIZES[name] // 10 + 1):
        got = get(name, **{size: 10, **query})
        found += [row[kind.key] for row in _rows(got)]
        query = _following(name, got, len(found))
        if not query:
            break
    assert not query
    assert found == [item[kind.key] for item in box.feeds[name].items()]


def test_listings_come_change_and_go(client: httpx.Client, box: sandbox.Box) -> None:
    """By a knob for tests, and by time for the demo."""
    order = {"feed": "quests", "create": 2, "update": 3, "delete": 4}
    touched = client.post("/sandbox/feeds/change", json=order).json()
    assert [len(touched[kind]) for kind in ("created", "updated", "deleted")] == [2, 3, 4]
    before = box.feeds["yield"].items()
    box.feeds.tick()
    assert box.feeds["yield"].items() != before
    for wrong in ({"feed": "nothing"}, {"feed": "quests", "create": -1}, {}):
        assert client.post("/sandbox/feeds/change", json=wrong).status_code == 422


def test_faults_strike_one_feed_and_leave_the_others(get: Callable[..., httpx.Response], box: sandbox.Box) -> None:
    """Each feed is an upstream of its own."""
    box.faults.add("status", code=503, path="/feeds/quests/*", count=1)
    box.faults.add("bad_rows", rows=3, path="/feeds/points/*")
    box.faults.add("page_cap", size=7, path="/feeds/yield/*")
    box.faults.add("moving_rows", mode="delete_early", path="/feeds/airdrops/*")
    assert (get("quests").status_code, get("community").status_code, get("quests").status_code) == (503, 200, 200)
    broken = [row for row in get("points").json() if row["key"] is None or not isinstance(row["name"], str)]
    assert len(broken) == 3
    assert len(get("yield").json()["data"]) == 7
    assert [get("airdrops").json()["total"] for _ in range(2)] == [120, 119]
    with pytest.raises(ValueError, match="leave `how` out"):
        box.faults.add("bad_rows", how="sku_missing", path="/feeds/points/*")


@pytest.mark.parametrize("query", [{"cursor": "!"}, {"cursor": "eA"}, {"limit": "x"}])
def test_a_wrong_parameter_is_told(get: Callable[..., httpx.Response], query: dict[str, str]) -> None:
    """A connector's mistake must not look like an empty feed."""
    assert get("airdrops_upcoming", **query).status_code == 400


def test_a_demo_begins_with_bad_weather_for_one_feed() -> None:
    """As many failures as open a breaker; then all is well."""

    async def ask() -> list[int]:
        async with opened(pools=1) as box, httpx.AsyncClient(base_url=box.url) as client:
            return [(await client.get("/feeds/sponsored/campaigns")).status_code for _ in range(6)]

    assert asyncio.run(ask()) == [503] * 5 + [200]
