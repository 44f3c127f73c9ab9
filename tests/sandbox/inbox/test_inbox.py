"""The inbox for webhooks: signatures, deliveries, failures."""

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterator

import httpx
import pytest

import sandbox
from sandbox.inbox.signatures import key_of, signature
from syncline.clock import ManualClock

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'


@pytest.fixture
def box(clock: ManualClock) -> Iterator[sandbox.Box]:
    with sandbox.serving(products=1, customers=1, pools=1, mentions=1, inbox_secret=SECRET, clock=clock.now) as served:
        yield served


def signed(clock: ManualClock, *, webhook_id: str = "msg_1", body: bytes = BODY, late: int = 0) -> dict[str, str]:
    """The headers of a webhook, signed by the book and not by the sandbox."""
    timestamp = str(int(clock.now().timestamp()) - late)
    key = b64decode(SECRET.removeprefix("whsec_"))
    digest = hmac.new(key, b".".join((webhook_id.encode(), timestamp.encode(), body)), hashlib.sha256).digest()
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{b64encode(digest).decode()}",
    }


def test_a_signature_is_that_of_the_specification() -> None:
    """The example of the reference implementations."""
    made = signature(key_of(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", BODY)
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_came_is_kept_with_how_often(client: httpx.Client, clock: ManualClock) -> None:
    """A sender that retries is told from one that sends twice."""
    for webhook_id in ("a", "b", "a"):
        assert client.post("/inbox", content=BODY, headers=signed(clock, webhook_id=webhook_id)).status_code == 204
    seen = client.get("/sandbox/inbox").json()
    assert seen["times"] == {"a": 2, "b": 1}
    assert [delivery["body"] for delivery in seen["deliveries"]] == [{"test": 2432232314}] * 3
    client.delete("/sandbox/inbox").raise_for_status()
    assert client.get("/sandbox/inbox").json() == {"deliveries": [], "times": {}, "failures_left": 0}


def test_one_right_signature_among_several_is_enough(client: httpx.Client, clock: ManualClock) -> None:
    """While a secret is changed, senders sign with both."""
    headers = signed(clock)
    headers["webhook-signature"] = f"v1,{b64encode(b'x' * 32).decode()} v1a,other {headers['webhook-signature']}"
    assert client.post("/inbox", content=BODY, headers=headers).status_code == 204


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"webhook-signature": "v1,AAAA"}, "does not fit"),
        ({"webhook-id": "another"}, "does not fit"),
        ({"webhook-signature": ""}, "webhook-signature is missing"),
        ({"webhook-timestamp": "soon"}, "webhook-timestamp"),
    ],
)
def test_what_is_signed_wrongly_is_refused_and_kept(
    client: httpx.Client, clock: ManualClock, box: sandbox.Box, change: dict[str, str], said: str
) -> None:
    """A sender's mistake is found at the first webhook, and can be looked at."""
    got = client.post("/inbox", content=BODY, headers=signed(clock) | change)
    assert (got.status_code, said in got.json()["error"]["message"]) == (401, True)
    assert [delivery.status for delivery in box.inbox.deliveries] == [401]
    assert box.inbox.accepted() == []


@pytest.mark.parametrize(("late", "status"), [(300, 204), (301, 401), (-300, 204), (-301, 401)])
def test_a_webhook_is_good_for_five_minutes(client: httpx.Client, clock: ManualClock, late: int, status: int) -> None:
    """Anyone who caught one cannot send it again tomorrow."""
    assert client.post("/inbox", content=BODY, headers=signed(clock, late=late)).status_code == status


def test_it_fails_as_often_as_it_is_told(client: httpx.Client, clock: ManualClock, box: sandbox.Box) -> None:
    """A sender must try again, with the same id."""
    client.post("/sandbox/inbox/fail", json={"times": 2, "status": 500}).raise_for_status()
    answers = [client.post("/inbox", content=BODY, headers=signed(clock)).status_code for _ in range(3)]
    assert answers == [500, 500, 204]
    assert box.inbox.times() == {"msg_1": 3}
    assert len(box.inbox.accepted()) == 1
    assert client.post("/sandbox/inbox/fail", json={"times": -1}).status_code == 422


def test_general_faults_strike_it_too(client: httpx.Client, clock: ManualClock, box: sandbox.Box) -> None:
    """A receiver that hangs up is no other than an upstream that does."""
    box.faults.add("drop", path="/inbox")
    with pytest.raises(httpx.TransportError):
        client.post("/inbox", content=BODY, headers=signed(clock))
    assert client.post("/inbox", content=BODY, headers=signed(clock)).status_code == 204


def test_the_secret_can_be_told_and_taken_back(client: httpx.Client, clock: ManualClock) -> None:
    """A demo that made its secret itself tells it; without one, everything is taken."""
    other = {"secret": "whsec_" + b64encode(b"another").decode()}
    client.post("/sandbox/inbox/secret", json=other).raise_for_status()
    assert client.post("/inbox", content=BODY, headers=signed(clock)).status_code == 401
    client.post("/sandbox/inbox/secret", json={"secret": None}).raise_for_status()
    assert client.post("/inbox", content=b"no JSON", headers={}).status_code == 204
    assert client.get("/sandbox/inbox").json()["deliveries"][-1]["body"] == "no JSON"
    assert client.post("/sandbox/inbox/secret", json={"secret": "!"}).status_code == 422
