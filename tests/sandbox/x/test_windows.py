"""The budgets of the simulated X: fixed windows, headers, 429s."""

from collections.abc import Callable

import httpx
import pytest

import sandbox
from sandbox.x.settings import Settings
from syncline.clock import ManualClock

Get = Callable[[], httpx.Response]


@pytest.fixture
def mentions(client: httpx.Client, box: sandbox.Box) -> Get:
    """Asks for mentions; the budgets are X's own."""
    box.x.settings = Settings()
    return lambda: client.get(f"/x/2/users/{box.x.user_id}/mentions")


@pytest.fixture
def lookup(client: httpx.Client, box: sandbox.Box) -> Get:
    """Looks one tweet up; the budgets are X's own."""
    box.x.settings = Settings()
    return lambda: client.get("/x/2/tweets", params={"ids": box.x.tweets.public_ids()[0]})


def told(answer: httpx.Response) -> tuple[int, int, int]:
    """Limit, remaining and reset."""
    limit, remaining, reset = (answer.headers[f"x-rate-limit-{name}"] for name in ("limit", "remaining", "reset"))
    return int(limit), int(remaining), int(reset)


@pytest.mark.parametrize(("name", "limit"), [("mentions", 10), ("lookup", 15)])
def test_each_endpoint_admits_so_many_and_then_says_429(
    request: pytest.FixtureRequest, clock: ManualClock, box: sandbox.Box, name: str, limit: int
) -> None:
    """The seeds' budgets; a 429 says no more than when the window ends."""
    get: Get = request.getfixturevalue(name)
    reset = int(clock.now().timestamp()) + 900
    answers = [get() for _ in range(limit + 2)]
    assert [answer.status_code for answer in answers] == [200] * limit + [429] * 2
    assert [told(answer) for answer in answers[:limit]] == [(limit, limit - 1 - n, reset) for n in range(limit)]
    assert told(answers[-1]) == (limit, 0, reset)
    assert "Retry-After" not in answers[-1].headers
    assert answers[-1].json()["title"] == "Too Many Requests"
    window = box.x.windows["mentions" if name == "mentions" else "lookups"]
    assert (window.admitted, window.refused, window.fullest) == (limit, 2, limit)


def test_a_window_begins_with_its_first_request_and_lasts_its_time(
    mentions: Get, clock: ManualClock, box: sandbox.Box
) -> None:
    """Fixed, not sliding: a client that comes late in one and early in the next gets both."""
    assert mentions().status_code == 200
    clock.advance(seconds=899)
    assert [mentions().status_code for _ in range(10)] == [200] * 9 + [429]
    clock.advance(seconds=1)
    assert [mentions().status_code for _ in range(11)] == [200] * 10 + [429]
    clock.advance(seconds=5000)
    assert told(mentions()) == (10, 9, int(clock.now().timestamp()) + 900)
    assert box.x.windows["mentions"].fullest == 10


def test_whoever_waits_for_the_reset_is_admitted(mentions: Get, clock: ManualClock) -> None:
    """A reset of whole seconds must not lie before the end of the window."""
    clock.advance(seconds=0.4)
    last = [mentions() for _ in range(11)][-1]
    reset = told(last)[2]
    clock.advance(seconds=reset - clock.now().timestamp())
    assert mentions().status_code == 200


def test_budgets_are_apart(mentions: Get, lookup: Get) -> None:
    """Who polls too much can still validate."""
    assert [mentions().status_code for _ in range(11)][-1] == 429
    assert lookup().status_code == 200


def test_a_429_may_speak_of_another_bucket(client: httpx.Client, mentions: Get, clock: ManualClock) -> None:
    """Anyone who believes it comes back far too soon."""
    client.post("/sandbox/x/settings", json={"foreign_headers": True}).raise_for_status()
    answers = [mentions() for _ in range(11)]
    assert [told(answer)[0] for answer in answers[:10]] == [10] * 10
    assert told(answers[10]) == (450, 449, int(clock.now().timestamp()) + 3)


def test_periods_and_limits_are_settings_and_counts_can_be_read(
    client: httpx.Client, mentions: Get, clock: ManualClock
) -> None:
    """A test in another process makes a window of a second, and sees how full it was."""
    client.post("/sandbox/x/settings", json={"mentions_limit": 2, "window_seconds": 1}).raise_for_status()
    assert [mentions().status_code for _ in range(3)] == [200, 200, 429]
    seen = client.get("/sandbox/x").json()["windows"]["mentions"]
    assert (seen["limit"], seen["used"], seen["admitted"], seen["refused"], seen["fullest"]) == (2, 2, 2, 1, 2)
    clock.advance(seconds=1)
    assert client.get("/sandbox/x").json()["windows"]["mentions"]["used"] == 0
    assert mentions().status_code == 200


@pytest.mark.parametrize("given", [None, "Bearer wrong", "sandbox-x-token"])
def test_only_the_right_token_opens_and_a_wrong_one_costs_nothing(
    box: sandbox.Box, mentions: Get, given: str | None
) -> None:
    """X's shape of a 401, and the headers even there."""
    headers = {} if given is None else {"Authorization": given}
    for path in (f"/x/2/users/{box.x.user_id}/mentions", "/x/2/tweets?ids=1"):
        refused = httpx.get(box.url + path, headers=headers)
        assert (refused.status_code, refused.json()["title"]) == (401, "Unauthorized")
        assert told(refused)[0] == told(refused)[1]
    assert told(mentions())[1] == 9


def test_an_answer_bears_the_sandboxs_own_time(mentions: Get) -> None:
    """Anyone who keeps a cursor by the upstream's clock sees one time and not two."""
    assert mentions().headers.get_list("Date") == ["Thu, 22 Jan 2026 10:00:00 GMT"]


def test_a_refused_request_counts_as_one(client: httpx.Client, lookup: Get) -> None:
    """A 400 is an answer like any other."""
    assert told(client.get("/x/2/tweets", params={"ids": "x"}))[1] == 14
    assert told(lookup())[1] == 13
