"""Lookups against the simulated X, and against answers that are none."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from aiohttp import web

import sandbox
from syncline.contests.x import LookedUp, lookup
from syncline.errors import RefusedError, RejectedError, UnavailableError
from syncline.model.upstream import Auth
from syncline.upstreams.client import UpstreamClient

Connect = Callable[..., UpstreamClient]
Serve = Callable[..., AbstractAsyncContextManager[str]]

NOT_FOUND = "https://api.twitter.com/2/problems/resource-not-found"
NOT_AUTHORIZED = "https://api.twitter.com/2/problems/not-authorized-for-resource"
BRAND_NEW = "https://api.x.com/2/problems/brand-new"


def look_up(client: UpstreamClient, ids: list[str]) -> LookedUp:
    async def asked() -> LookedUp:
        async with client:
            return await lookup(client, ids)

    return asyncio.run(asked())


@pytest.fixture
def x(box: sandbox.Box, connect: Connect) -> Callable[[], UpstreamClient]:
    """Makes a client of the sandbox's X."""
    return lambda: connect(f"{box.url}/x", auth=Auth.BEARER, token=box.x_token)


def hide(box: sandbox.Box, tweet_id: str) -> None:
    """Have the tweet's author go protected."""
    tweet = box.x.tweets.get(int(tweet_id))
    assert tweet is not None
    box.x.tweets.protect(tweet.author_id)


@pytest.mark.parametrize("silent_part", [0, 0.5, 1])
def test_each_tweet_is_present_deleted_or_protected(
    box: sandbox.Box, x: Callable[[], UpstreamClient], silent_part: float
) -> None:
    """However X says that a tweet is gone; and one that we may not see is not gone."""
    box.x.settings = box.x.settings.changed({"silent_part": silent_part})
    asked = box.x.tweets.public_ids()[:100]
    for tweet_id in asked[:30]:
        box.x.tweets.delete(tweet_id)
    hide(box, asked[50])
    shown = set(box.x.tweets.public_ids())
    found = look_up(x(), asked)
    assert set(found.present) == shown & set(asked)
    assert found.deleted == set(asked[:30])
    assert found.protected == set(asked) - shown - found.deleted
    assert asked[50] in found.protected
    assert len(found.silent) in {0: {0}, 0.5: range(5, 26), 1: {30}}[silent_part]
    assert found.silent <= found.deleted


def test_a_tweet_comes_as_it_is(box: sandbox.Box, x: Callable[[], UpstreamClient]) -> None:
    """Raw, with author and time, so that it can be stored like any other item."""
    newest = box.x.tweets.public_ids()[0]
    row = json.loads(bytes(look_up(x(), [newest]).present[newest]))
    assert {"id", "text", "author_id", "created_at"} <= row.keys()


def test_each_id_is_asked_for_once_and_none_take_no_request(box: sandbox.Box, x: Callable[[], UpstreamClient]) -> None:
    """Fifteen requests in a quarter of an hour are not spent on nothing."""
    newest = box.x.tweets.public_ids()[0]
    assert look_up(x(), []) == LookedUp()
    assert set(look_up(x(), [newest, newest]).present) == {newest}
    assert box.x.asked() == {newest: 1}
    assert box.x.windows["lookups"].admitted == 1


@pytest.mark.parametrize("ids", [[str(n) for n in range(1, 102)], ["x"], ["1,2"], ["007"], ["-1"], [""], ["1" * 20]])
def test_what_x_would_refuse_is_not_sent(box: sandbox.Box, x: Callable[[], UpstreamClient], ids: list[str]) -> None:
    """A refusal costs as much as an answer."""
    with pytest.raises(ValueError, match="up to 100 ids"):
        look_up(x(), ids)
    assert box.requests.count() == 0


def test_a_wrong_token_is_told_by_its_setting(box: sandbox.Box, connect: Connect) -> None:
    """Nobody searches for it."""
    with pytest.raises(RefusedError, match="SYNCLINE_UPSTREAMS__ERP__TOKEN"):
        look_up(connect(f"{box.url}/x", auth=Auth.BEARER, token="wrong"), ["1"])


@pytest.mark.parametrize("kind", ["malformed", "cut_body", "drop", "html"])
def test_an_answer_that_is_broken_deletes_nothing(box: sandbox.Box, x: Callable[[], UpstreamClient], kind: str) -> None:
    """Half of an answer lacks half of the tweets."""
    box.faults.add(kind, path="/x/2/tweets", count=None)
    with pytest.raises(UnavailableError):
        look_up(x(), box.x.tweets.public_ids()[:50])


def test_a_tweet_without_a_readable_id_makes_the_answer_useless(
    box: sandbox.Box, x: Callable[[], UpstreamClient]
) -> None:
    """It is one of those that were asked for; it must not pass for deleted."""
    box.faults.add("bad_rows", path="/x/2/tweets")
    with pytest.raises(UnavailableError, match="whose id cannot be read"):
        look_up(x(), box.x.tweets.public_ids()[:50])


def row(tweet_id: str) -> dict[str, str]:
    return {"id": tweet_id, "text": "x"}


def problem(tweet_id: str, kind: str = NOT_FOUND, **more: str) -> dict[str, str]:
    return {"value": tweet_id, "resource_type": "tweet", "parameter": "ids", "type": kind, **more}


def answered(serve: Serve, connect: Connect, body: object, ids: list[str]) -> LookedUp:
    """What a lookup makes of this body."""

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(body)

    async def scenario() -> LookedUp:
        async with serve(**{"2/tweets": answer}) as url, connect(url) as client:
            return await lookup(client, ids)

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"data": [row("1"), row("1")]}, r"shows tweets \(1\) twice"),
        ({"data": [row("9")]}, r"shows tweets \(9\), which were not asked for"),
        ({"data": [row("1")], "errors": [problem("1")]}, "both shows tweets"),
        ({"data": [row("1")], "errors": [problem("1", NOT_AUTHORIZED)]}, "both shows tweets"),
        ({"data": [row("1")], "errors": [problem("1", BRAND_NEW)]}, r"\(1\) and tells of an unknown problem"),
        ({"errors": [problem("1"), problem("1", NOT_AUTHORIZED)]}, "both that they are gone"),
        ({"errors": [problem("1", BRAND_NEW), problem("1"), problem("1", NOT_AUTHORIZED)]}, "both that they are gone"),
        ({"errors": [problem("9")]}, r"tells of tweets \(9\), which were not asked for"),
        ({"errors": [{"type": NOT_FOUND}]}, "not asked for"),
        ({"errors": [problem(str(n)) for n in range(10, 20)]}, "10, 11, 12, 13, 14 and 5 more"),
    ],
)
def test_an_answer_that_contradicts_itself_is_no_answer(
    serve: Serve, connect: Connect, body: object, said: str
) -> None:
    """Whatever is wrong with it, deletions are not concluded from it."""
    with pytest.raises(UnavailableError, match=said):
        answered(serve, connect, body, ["1", "2"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": "closed for repairs"}, "no answer of X"),
        ([], "no answer of X"),
        ({"data": {"id": "1"}}, "SYNCLINE_UPSTREAMS__ERP__BASE_URL"),
        ({"errors": "no"}, "no answer of X"),
        ({"data": [row("1")], "errors": [problem("9", "about:blank", detail="Over\ncapacity")]}, "blank: Over capa"),
        ({"errors": [problem("2"), problem("9", BRAND_NEW)]}, "brand-new"),
        ({"errors": [problem("2", BRAND_NEW), {"type": BRAND_NEW, "title": "All is lost"}]}, "All is lost"),
        ({"errors": [{"code": 88, "message": "Rate limit exceeded"}]}, "Rate limit exceeded"),
    ],
)  # fmt: skip
def test_what_is_not_understood_deletes_nothing(serve: Serve, connect: Connect, body: object, said: str) -> None:
    """A proxy's empty object, an error of another kind: a hundred entries must not go for it."""
    with pytest.raises(RejectedError, match=said):
        answered(serve, connect, body, ["1", "2"])


def test_an_unknown_problem_makes_only_its_own_tweet_unclear(serve: Serve, connect: Connect) -> None:
    """One odd tweet must not keep a hundred from being checked, and must not be taken for gone."""
    body = {
        "data": [row("1")],
        "errors": [
            problem("2", BRAND_NEW, detail="Something\nelse"),
            problem("2", "about:blank", detail="and more"),
            problem("3", NOT_AUTHORIZED),
            {"resource_id": 4, "title": "Odd"},
            problem("5"),
        ],
    }
    found = answered(serve, connect, body, ["1", "2", "3", "4", "5", "6"])
    assert found.unclear == {"2": f"{BRAND_NEW}: Something else", "4": "a problem without a type: Odd"}
    assert (set(found.present), found.deleted, found.protected, found.silent) == ({"1"}, {"5", "6"}, {"3"}, {"6"})


@pytest.mark.parametrize("known", [NOT_FOUND, NOT_AUTHORIZED])
@pytest.mark.parametrize("order", [1, -1])
def test_an_unknown_problem_beside_a_known_one_leaves_the_tweet_unclear(
    serve: Serve, connect: Connect, known: str, order: int
) -> None:
    """What is not understood may be what takes the other back: a deletion is not concluded from half of it."""
    problems = [problem("1", known), problem("1", BRAND_NEW, title="But")][::order]
    found = answered(serve, connect, {"errors": problems}, ["1"])
    assert found == LookedUp(unclear={"1": f"{BRAND_NEW}: But"})


def test_what_x_says_twice_elsewhere_or_from_its_new_host_is_understood(serve: Serve, connect: Connect) -> None:
    """X repeats entries, tells of what it would have included, and has moved to x.com."""
    body = {
        "data": [row("1")],
        "errors": [
            problem("2", NOT_FOUND.replace("twitter.com", "x.com")),
            problem("2", NOT_FOUND),
            problem("3", NOT_AUTHORIZED),
            problem("4", NOT_AUTHORIZED.replace("not-authorized-for-resource", "resource-unavailable")),
            problem("77", NOT_FOUND, section="includes"),
        ],
    }
    found = answered(serve, connect, body, ["1", "2", "3", "4", "5"])
    assert (set(found.present), found.deleted, found.protected, found.silent) == ({"1"}, {"2", "5"}, {"3", "4"}, {"5"})


@pytest.mark.parametrize(
    "body",
    [{}, {"data": []}, {"errors": []}, {"meta": {"result_count": 0}}, {"errors": [problem("1", section="includes")]}],
)
def test_an_answer_that_says_nothing_says_nothing_of_any(serve: Serve, connect: Connect, body: object) -> None:
    """X leaves out what is gone, and leaves `data` out where it is empty; the caller decides what to believe."""
    looked_up = answered(serve, connect, body, ["1", "2"])
    assert looked_up.silent == looked_up.deleted == {"1", "2"}
