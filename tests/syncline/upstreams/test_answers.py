import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

import sandbox
from syncline.errors import (
    CursorExpiredError,
    RateLimitedError,
    RefusedError,
    RejectedError,
    UnavailableError,
    UpstreamError,
)
from syncline.model.page import Request
from syncline.model.upstream import Auth, Upstream
from syncline.upstreams.answers import ErrorClassifier
from syncline.upstreams.client import UpstreamClient

Connect = Callable[..., UpstreamClient]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
JSON = {"Content-Type": "application/json"}


def judged(
    status: int, content: bytes = b"[]", headers: dict[str, str] | None = None, auth: Auth = Auth.BEARER
) -> UpstreamError | None:
    classifier = ErrorClassifier(
        upstream=Upstream(name="erp", auth=auth), redact=lambda text: text.replace("hush", "…")
    )
    request = httpx.Request("GET", "http://erp.example/items?page=2")
    return classifier.classify(httpx.Response(status, content=content, headers=headers or JSON, request=request), NOW)


async def ask(client: UpstreamClient) -> UpstreamError | None:
    async with client:
        try:
            await client.send(Request(path="/erp/products"))
        except UpstreamError as error:
            return error
    return None


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "status", "code": 500}, UnavailableError),
        ({"kind": "status", "code": 503}, UnavailableError),
        ({"kind": "status", "code": 404}, RejectedError),
        ({"kind": "status", "code": 410}, CursorExpiredError),
        ({"kind": "unauthorized", "code": 401}, RefusedError),
        ({"kind": "unauthorized", "code": 403}, RefusedError),
        ({"kind": "rate_limited"}, RateLimitedError),
        ({"kind": "rate_limited", "code": 403, "retry_after": 30}, RateLimitedError),
        ({"kind": "rate_limited", "code": 503, "retry_after": 30, "form": "date"}, RateLimitedError),
        ({"kind": "cut_body"}, UnavailableError),
        ({"kind": "html"}, UnavailableError),
        ({"kind": "drop"}, UnavailableError),
        ({"kind": "hang"}, UnavailableError),
    ],
)
def test_every_failure_over_the_wire_is_told_apart(
    box: sandbox.Box, erp: Connect, fault: dict[str, object], kind: type[UpstreamError]
) -> None:
    """What is done next (retry, wait, hold, start again) follows from the kind alone."""
    box.faults.order({**fault, "count": None})
    error = asyncio.run(ask(erp(timeout_seconds=0.5)))
    assert error is not None
    assert type(error) is kind
    assert error.upstream == "erp"
    assert box.token not in str(error)


def test_what_was_sent_once_arrives_once(box: sandbox.Box, erp: Connect) -> None:
    """On a new connection the library would send again what a kept one swallowed, without paying from a budget."""

    async def kept_and_swallowed() -> UpstreamClient:
        client = erp()
        async with client:
            await client.send(Request(path="/erp/products"))
            box.faults.add("drop")
            with pytest.raises(UnavailableError):
                await client.send(Request(path="/erp/products"))
        return client

    client = asyncio.run(kept_and_swallowed())
    assert client.requests == box.requests.count(path="/erp/products") == 2


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_rate_limit_carries_the_upstreams_time(box: sandbox.Box, erp: Connect, form: str) -> None:
    """Waiting shorter earns the next 429, waiting longer wastes the budget."""
    box.faults.add("rate_limited", retry_after=60, form=form)
    before = datetime.now(UTC)
    error = asyncio.run(ask(erp()))
    assert isinstance(error, RateLimitedError)
    assert error.retry_at is not None
    assert timedelta(seconds=58) < error.retry_at - before < timedelta(seconds=70)


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b'{"error": {"errors": [{"reason": "rateLimitExceeded"}]}}', JSON),
        (b'{"error": {"errors": [{"reason":"userRateLimitExceeded"}]}}', JSON),
        (b"{}", {**JSON, "X-RateLimit-Remaining": "0"}),
        (b"{}", {**JSON, "Retry-After": "5"}),
    ],
)
def test_a_403_that_means_slow_down_is_no_refusal(content: bytes, headers: dict[str, str]) -> None:
    """Google and GitHub say so; a hold on the credentials would stop the source for good."""
    assert type(judged(403, content, headers)) is RateLimitedError


def test_a_403_with_requests_left_is_a_refusal() -> None:
    """Waiting does not mend a missing permission."""
    assert type(judged(403, b"{}", {**JSON, "X-RateLimit-Remaining": "4999"})) is RefusedError


def test_a_503_without_a_time_is_an_outage() -> None:
    """Only outages count for the breaker, and this is one."""
    assert type(judged(503)) is UnavailableError


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"<!doctype html><title>Oops</title>", {"Content-Type": "text/html; charset=utf-8"}),
        (b"\xef\xbb\xbf \n<html>", {"Content-Type": "application/json"}),
        (b"maintenance", {"Content-Type": "text/html"}),
    ],
)
def test_a_web_page_with_status_200_is_an_outage(content: bytes, headers: dict[str, str]) -> None:
    """Proxies and maintenance pages answer so; taken for an empty list it would delete everything."""
    assert type(judged(200, content, headers)) is UnavailableError


def test_xml_that_says_so_is_data() -> None:
    """Calendars speak XML."""
    assert judged(200, b"<?xml version='1.0'?><a/>", {"Content-Type": "application/xml; charset=utf-8"}) is None


def test_a_rejection_quotes_the_beginning_of_the_body_without_secrets() -> None:
    """The upstream's own words say what is wrong with the request."""
    error = judged(422, b'{"error":\n "no hush for you"}' + b"x" * 1000)
    assert str(error).startswith('erp rejected the request for /items (422): {"error": "no … for you"}xxx')
    assert len(str(error)) < 300


def test_a_refusal_names_the_settings_to_check() -> None:
    """Its reader mends a variable, not a stack trace."""
    assert "SYNCLINE_UPSTREAMS__ERP__TOKEN" in str(judged(401))
    basic = str(judged(401, auth=Auth.BASIC))
    assert "ERP__USERNAME and SYNCLINE_UPSTREAMS__ERP__PASSWORD" in basic
    assert "auth=Auth.NONE" in str(judged(401, auth=Auth.NONE))
