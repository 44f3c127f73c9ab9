"""The simulated lookup of tweets, and what is kept of it."""

import httpx
import pytest

import sandbox

PATH = "/x/2/tweets"


def look_up(client: httpx.Client, ids: list[str]) -> dict[str, list[dict[str, str]]]:
    return client.get(PATH, params={"ids": ",".join(ids)}).raise_for_status().json()


def problems(body: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    """What stands in `errors`: the last part of the type by id."""
    return {entry["value"]: entry["type"].rpartition("/")[2] for entry in body.get("errors", [])}


def test_public_tweets_come_as_they_are(client: httpx.Client, box: sandbox.Box) -> None:
    """All is well: data and no errors, in the order asked for."""
    wanted = box.x.tweets.public_ids()[:100][::-1]
    body = look_up(client, wanted)
    assert [row["id"] for row in body["data"]] == wanted
    assert "errors" not in body


def test_a_deleted_tweet_is_told_or_kept_silent_and_the_same_each_time(client: httpx.Client, box: sandbox.Box) -> None:
    """Both happen at X; a test that fails must fail again."""
    known = box.x.tweets.public_ids()
    for tweet_id in known[:40]:
        box.x.tweets.delete(tweet_id)
    body = look_up(client, known[:50])
    assert [row["id"] for row in body["data"]] == known[40:50]
    told = problems(body)
    assert 5 < len(told) < 35
    assert set(told.values()) == {"resource-not-found"}
    assert problems(look_up(client, known[:50])) == told


@pytest.mark.parametrize(("part", "told"), [(0, 40), (1, 0)])
def test_how_many_are_kept_silent_is_a_setting(client: httpx.Client, box: sandbox.Box, part: float, told: int) -> None:
    """A test of either way needs the other out of the way."""
    client.post("/sandbox/x/settings", json={"silent_part": part}).raise_for_status()
    known = box.x.tweets.public_ids()
    for tweet_id in known[:40]:
        box.x.tweets.delete(tweet_id)
    assert len(problems(look_up(client, known[:41]))) == told


def test_of_those_that_are_all_gone_an_answer_may_say_nothing(client: httpx.Client, box: sandbox.Box) -> None:
    """Anyone who takes an empty object for an error asks for ever."""
    box.x.settings = box.x.settings.changed({"silent_part": 1})
    known = box.x.tweets.public_ids()[:3]
    for tweet_id in known:
        box.x.tweets.delete(tweet_id)
    assert look_up(client, known) == {}


def test_an_edited_tweet_is_listed_once_and_found_by_each_of_its_ids(client: httpx.Client, box: sandbox.Box) -> None:
    """As at X: timelines show the last version alone, lookups show each, and a deletion takes them all."""
    first = box.x.tweets.public_ids()[0]
    second = box.x.tweets.edit(first, "better said")
    listed = client.get(f"/x/2/users/{box.x.user_id}/mentions", params={"max_results": "5"}).raise_for_status().json()
    assert listed["data"][0]["edit_history_tweet_ids"] == [first, second]
    assert first not in {row["id"] for row in listed["data"]}
    assert {row["id"] for row in look_up(client, [first, second])["data"]} == {first, second}
    box.x.tweets.delete(second)
    assert "data" not in look_up(client, [first, second])


def test_a_protected_authors_tweet_is_not_authorized(client: httpx.Client, box: sandbox.Box) -> None:
    """It is there, and may come back: nothing of it is deleted."""
    newest = box.x.tweets.public_ids()[0]
    tweet = box.x.tweets.get(int(newest))
    assert tweet is not None
    box.x.tweets.protect(tweet.author_id)
    assert problems(look_up(client, [newest])) == {newest: "not-authorized-for-resource"}
    box.x.tweets.protect(tweet.author_id, protected=False)
    assert [row["id"] for row in look_up(client, [newest])["data"]] == [newest]


@pytest.mark.parametrize("ids", [None, "", "1,x", "1,,2", ",".join(map(str, range(101)))])
def test_a_wrong_list_of_ids_is_refused(client: httpx.Client, box: sandbox.Box, ids: str | None) -> None:
    """None, too many, or what is no number."""
    got = client.get(PATH, params={} if ids is None else {"ids": ids})
    assert (got.status_code, got.json()["type"].rpartition("/")[2]) == (400, "invalid-request")
    assert "ids" in got.json()["errors"][0]["parameters"]
    assert box.x.asked() == {}


def test_what_was_asked_for_is_on_record(client: httpx.Client, box: sandbox.Box) -> None:
    """A test can prove that no tweet was asked for twice; what was refused was not asked for."""
    known = box.x.tweets.public_ids()
    box.x.settings = box.x.settings.changed({"lookups_limit": 2})
    look_up(client, known[:3])
    look_up(client, known[2:5])
    assert client.get(PATH, params={"ids": known[9]}).status_code == 429
    seen = client.get("/sandbox/x/lookups").json()
    assert [lookup["ids"] for lookup in seen["lookups"]] == [known[:3], known[2:5]]
    assert seen["asked"] == dict.fromkeys(known[:5], 1) | {known[2]: 2}
    client.delete("/sandbox/x/lookups").raise_for_status()
    assert client.get("/sandbox/x/lookups").json() == {"lookups": [], "asked": {}}
    assert look_up(client, known[:1])["data"]
