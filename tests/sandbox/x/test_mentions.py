"""The simulated timeline of mentions: shape, bounds, paging."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

import sandbox
from sandbox.x.snowflake import created_at, lowest_id
from sandbox.x.tweets import Tweets

Json = dict[str, Any]
Ask = Callable[..., Json]


@pytest.fixture
def ask(client: httpx.Client, box: sandbox.Box) -> Ask:
    """Asks for a page of mentions."""

    def asked(**query: str) -> Json:
        return client.get(f"/x/2/users/{box.x.user_id}/mentions", params=query).raise_for_status().json()

    return asked


def ids(body: Json) -> list[str]:
    return [row["id"] for row in body.get("data", [])]


def walk(ask: Ask, **query: str) -> list[Json]:
    """All pages."""
    pages = [ask(**query)]
    while "next_token" in pages[-1]["meta"]:
        assert len(pages) < 100
        pages.append(ask(**query, pagination_token=pages[-1]["meta"]["next_token"]))
    return pages


def test_pages_hold_every_public_mention_once_and_the_newest_first(ask: Ask, box: sandbox.Box) -> None:
    """A poller that reads until there is no token has everything."""
    pages = walk(ask, max_results="50")
    assert [page["meta"]["result_count"] for page in pages] == [50, 50, 30]
    assert [one for page in pages for one in ids(page)] == box.x.tweets.public_ids()
    for page in pages:
        assert (page["meta"]["newest_id"], page["meta"]["oldest_id"]) == (ids(page)[0], ids(page)[-1])


def test_a_tweet_has_what_is_always_there_and_what_was_asked_for(ask: Ask, box: sandbox.Box) -> None:
    """X sends three fields unless told otherwise; expansions do no harm."""
    assert ask()["data"][0].keys() == {"id", "text", "edit_history_tweet_ids"}
    assert len(ask()["data"]) == 10
    fields = {"tweet.fields": "created_at,author_id", "expansions": "author_id"}
    row = ask(**fields)["data"][0]
    assert (row["id"], row["author_id"] in box.x.tweets.authors) == (box.x.tweets.public_ids()[0], True)
    assert datetime.fromisoformat(row["created_at"]) <= datetime(2026, 1, 22, 10, tzinfo=UTC)
    assert row["created_at"].endswith(".000Z")


def test_an_id_tells_when_it_was_made(ask: Ask, box: sandbox.Box) -> None:
    """Anyone who makes a since_id of an instant must find what was written from then on."""
    first = ask(**{"tweet.fields": "created_at"})["data"][0]
    instant = datetime.fromisoformat(first["created_at"])
    assert timedelta(0) <= datetime(2026, 1, 22, 10, tzinfo=UTC) - instant <= timedelta(days=3)
    assert lowest_id(instant) <= int(first["id"]) < lowest_id(instant + timedelta(seconds=1))
    assert created_at(1541815603606036480) == "2022-06-28T16:07:40.000Z"


def test_bounds_leave_out_what_lies_beyond_them(ask: Ask, box: sandbox.Box) -> None:
    """since_id and until_id are not in the answer themselves; a start is, an end is not."""
    known = box.x.tweets.public_ids()
    inside = ask(since_id=known[20], until_id=known[3], max_results="100")
    assert ids(inside) == known[4:20]
    starts = created_at(int(known[5]))[:19] + "Z"
    ends = created_at(int(known[0]))[:19] + "Z"
    assert ids(ask(start_time=starts, max_results="100")) == known[:6]
    assert ids(ask(end_time=ends)) == known[1:11]


def test_nothing_new_is_a_meta_without_data(ask: Ask, box: sandbox.Box) -> None:
    """The shape that surprises those who look for an empty list."""
    assert ask(since_id=box.x.tweets.public_ids()[0]) == {"meta": {"result_count": 0}}


def test_who_is_hidden_leaves_a_gap_in_the_page(ask: Ask, box: sandbox.Box) -> None:
    """X counts before it leaves out: a short page, even an empty one, may have others behind it."""
    known = box.x.tweets.public_ids()
    for tweet_id in known[:5]:
        box.x.tweets.delete(tweet_id)
    box.x.tweets.protect(box.x.tweets.authors[0])
    shown = box.x.tweets.public_ids()
    assert len(shown) < 125
    pages = walk(ask, max_results="5")
    assert (pages[0]["meta"]["result_count"], "next_token" in pages[0]["meta"]) == (0, True)
    assert [one for page in pages for one in ids(page)] == shown
    box.x.tweets.protect(box.x.tweets.authors[0], protected=False)
    assert box.x.tweets.public_ids() == known[5:]


def test_only_the_newest_can_be_had(ask: Ask, box: sandbox.Box) -> None:
    """A poller that sleeps too long has lost the rest for good."""
    box.x.settings = box.x.settings.changed({"reach": 42})
    assert [one for page in walk(ask) for one in ids(page)] == box.x.tweets.public_ids()[:42]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"max_results": "4"}, "max_results"),
        ({"max_results": "101"}, "max_results"),
        ({"since_id": "x"}, "since_id"),
        ({"start_time": "yesterday"}, "start_time"),
        ({"start_time": "2026-13-01T00:00:00Z"}, "start_time"),
        ({"pagination_token": "a"}, "pagination_token"),
        ({"page": "2"}, "page"),
    ],
)
def test_a_wrong_parameter_is_a_problem_of_xs_kind(
    client: httpx.Client, box: sandbox.Box, query: dict[str, str], parameter: str
) -> None:
    """A connector's mistake is told as X tells it."""
    got = client.get(f"/x/2/users/{box.x.user_id}/mentions", params=query)
    problem = got.json()
    assert (got.status_code, problem["title"]) == (400, "Invalid Request")
    assert problem["type"] == "https://api.twitter.com/2/problems/invalid-request"
    assert problem["errors"][0]["parameters"] == {parameter: [query[parameter]]}


def test_an_unknown_user_is_no_http_error(client: httpx.Client) -> None:
    """200 with `errors` and nothing else; only what is no number is refused."""
    got = client.get("/x/2/users/17/mentions")
    assert (got.status_code, got.json().keys()) == (200, {"errors"})
    assert got.json()["errors"][0]["type"].endswith("/resource-not-found")
    assert client.get("/x/2/users/me/mentions").status_code == 400


def test_the_same_seed_and_clock_make_the_same_tweets() -> None:
    """A demo that is told about looks as it was told, also after a while."""
    now = datetime(2026, 1, 22, 10, tzinfo=UTC)
    one, other, third = (Tweets(seed=seed, count=30, clock=lambda: now) for seed in (7, 7, 8))
    for tweets in (one, other):
        for _ in range(20):
            tweets.tick()
    assert one.ids == other.ids
    assert (one.deleted, one.protected) == (other.deleted, other.protected)
    assert len(one.ids) > 30
    assert one.deleted
    assert one.ids != third.ids


def test_mentions_come_and_go_by_knobs(client: httpx.Client, ask: Ask, box: sandbox.Box) -> None:
    """A test in another process makes exactly the world that it needs."""
    author = box.x.tweets.authors[3]
    made = client.post("/sandbox/x/mentions", json={"count": 2, "author_id": author, "text": "hello"}).json()["ids"]
    rows = ask(**{"tweet.fields": "author_id"})["data"]
    assert [(row["id"], row["author_id"], row["text"]) for row in rows[:2]] == [
        (one, author, "hello") for one in reversed(made)
    ]
    client.post("/sandbox/x/delete", json={"ids": made[:1]}).raise_for_status()
    assert ids(ask())[:1] == made[1:]
    client.post("/sandbox/x/protect", json={"author_id": author}).raise_for_status()
    assert made[1] not in ids(ask())
    state = client.get("/sandbox/x").json()
    assert (state["tweets"], state["deleted"], state["protected"]) == (132, made[:1], [author])
    assert (state["user_id"], state["public"]) == (box.x.user_id, len(box.x.tweets.public_ids()))
    client.post("/sandbox/x/protect", json={"author_id": author, "protected": False}).raise_for_status()
    assert ids(ask())[:1] == made[1:]


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("mentions", {"count": 0}),
        ("delete", {"ids": ["5"]}),
        ("delete", {}),
        ("protect", {"author_id": "5"}),
        ("settings", {"window_seconds": 0}),
        ("settings", {"window": 5}),
        ("settings", []),
    ],
)
def test_a_wrong_order_changes_nothing(client: httpx.Client, path: str, order: object) -> None:
    """A typo does not pass for an order that was carried out."""
    before = client.get("/sandbox/x").json()
    assert client.post(f"/sandbox/x/{path}", json=order).status_code == 422
    assert client.get("/sandbox/x").json() == before


def test_faults_strike_mentions_too(client: httpx.Client, ask: Ask, box: sandbox.Box) -> None:
    """The knobs that every upstream has, and those of data."""
    path = f"/x/2/users/{box.x.user_id}/mentions"
    box.faults.add("status", code=503, path=path)
    assert client.get(path).status_code == 503
    box.faults.add("page_cap", size=7, path=path)
    assert len(ids(ask(max_results="50"))) == 7
    box.faults.add("moving_rows", mode="insert_early", rows=2, path="/x/*")
    before, after = ids(ask()), ids(ask())
    assert after[2:] == before[:8]
    box.faults.add("moving_rows", mode="delete_early", rows=2, path="/x/*")
    assert ids(ask()) == after
    assert ids(ask())[:8] == after[2:]
    box.faults.add("bad_rows", rows=3, path="/x/*")
    broken = [row for row in ask(**{"tweet.fields": "created_at"})["data"] if None in row.values()]
    assert len(broken) == 2
    for wrong in ({"kind": "bad_rows", "how": "x"}, {"kind": "moving_rows", "mode": "update_front"}):
        assert client.post("/sandbox/faults", json={**wrong, "path": "/x/*"}).status_code == 422


def test_the_world_lives() -> None:
    """At a demo, mentions arrive by themselves."""
    with sandbox.serving(products=1, customers=1, pools=1, mentions=1, change_every_seconds=0.01) as box:
        for _ in range(2000):
            if httpx.get(f"{box.url}/sandbox/x").json()["tweets"] > 1:
                return
    pytest.fail("nobody mentioned us")
