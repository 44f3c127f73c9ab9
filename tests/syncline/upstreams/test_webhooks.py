"""Webhooks that go out: signed, delivered, refused; and where the settings send them."""

import asyncio
import traceback
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, timedelta, timezone

import pytest
from aiohttp import web
from pydantic import SecretStr
from standardwebhooks import Webhook
from support.webhooks import SECRET, endpoint, posted, refused

import sandbox
from syncline.clock import SystemClock
from syncline.contests.pushing import endpoint_of
from syncline.errors import ConfigurationError, MissingSettingError
from syncline.settings import Settings

Serve = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture
def box() -> Generator[sandbox.Box]:
    with sandbox.serving(products=1, customers=1, pools=1, mentions=1, inbox_secret=SECRET) as served:
        yield served


def test_a_webhook_arrives_as_it_is_signed_and_once(box: sandbox.Box) -> None:
    """The receiver checks by its own means."""
    asyncio.run(posted(f"{box.url}/inbox"))
    (delivery,) = box.inbox.deliveries
    assert (delivery.status, delivery.problem, delivery.id) == (204, None, "round-7")
    assert delivery.body == {"round": 7, "title": "Ünïcode"}
    assert delivery.headers["content-type"] == "application/json"


@pytest.mark.parametrize("secret", [SECRET, SECRET.removeprefix("whsec_"), "whsec_b25l", "b25lIG1vcmU="])
@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=30))])
def test_the_reference_implementation_takes_the_signature(serve: Serve, secret: str, zone: timezone) -> None:
    """Receivers check the signature with that library, whatever zone our time was given in."""
    taken: list[object] = []

    async def take(request: web.Request) -> web.Response:
        taken.append(Webhook(secret).verify(await request.read(), dict(request.headers)))
        return web.Response(status=202)

    async def scenario() -> None:
        async with serve(hook=take) as url:
            await posted(f"{url}/hook", secret=secret, now=SystemClock().now().astimezone(zone))

    asyncio.run(scenario())
    assert taken == [{"round": 7, "title": "Ünïcode"}]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "did not take a webhook (400)"),
        (404, "(404): check SYNCLINE_SNAPSHOT_URL"),
        (410, "(410): it wants no more of them"),
        (429, "(429)"),
        (500, "(500)"),
        (503, "(503)"),
    ],
)
def test_each_refusal_says_whether_another_try_is_worth_it(box: sandbox.Box, status: int, said: str) -> None:
    """Only a receiver that is gone is given up; the next attempt is the caller's, not made behind its back."""
    box.inbox.fail(1, status=status)
    error = refused(f"{box.url}/inbox")
    assert (error.status, error.final) == (status, status == 410)
    assert said in str(error)
    assert box.url in str(error)
    assert box.inbox.times() == {"round-7": 1}


def test_a_secret_that_the_receiver_does_not_share_is_told_by_its_setting(box: sandbox.Box) -> None:
    """The commonest mistake of a first set-up."""
    error = refused(f"{box.url}/inbox", secret="b3RoZXI=")
    assert (error.status, error.final) == (401, False)
    assert "SYNCLINE_SNAPSHOT_SECRET" in str(error)


@pytest.mark.parametrize("secret", ["", "whsec_", "no base64", "whsec_hunter2!", "hunter2\n", "ünïcode", "a"])
def test_a_secret_that_is_none_is_told_by_its_setting(secret: str) -> None:
    """When it is set, and not after ten thousand tweets were checked; what it is may be half a secret."""
    with pytest.raises(ConfigurationError, match="SYNCLINE_SNAPSHOT_SECRET must be base64") as caught:
        endpoint("https://snapshots.example/", secret)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "url", ["", "snapshots.example", "ftp://snapshots.example", "https://", "http://ann:hunter2", "https://[::1"]
)
def test_an_address_that_is_none_is_told_by_its_setting(url: str) -> None:
    """The scheme is what people forget; what stands there may be a password."""
    settings = Settings(snapshot_url=url, snapshot_secret=SecretStr(SECRET))
    with pytest.raises(ConfigurationError, match="SYNCLINE_SNAPSHOT_URL must be a URL that begins with http") as caught:
        endpoint_of(settings)
    assert "hunter2" not in str(caught.value)


def test_snapshots_go_where_the_settings_say() -> None:
    """Nowhere where they say nothing; and never unsigned."""
    assert endpoint_of(Settings(snapshot_secret=SecretStr(SECRET))) is None
    with pytest.raises(MissingSettingError, match="SYNCLINE_SNAPSHOT_SECRET is not set"):
        endpoint_of(Settings(snapshot_url="https://snapshots.example/"))
    endpoint = endpoint_of(Settings(snapshot_url="HTTPS://Snapshots.example/", snapshot_secret=SecretStr(SECRET)))
    assert endpoint is not None
    assert endpoint.origin == "https://snapshots.example"
