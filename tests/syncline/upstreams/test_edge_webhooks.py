"""What a webhook that goes out sends, and what it makes of the answer, at the HTTP edge."""

import asyncio
import json
from typing import Any

import httpx
import pytest
import respx
from standardwebhooks import Webhook
from support.edge import BASE, requests_of
from support.webhooks import SECRET, endpoint

from syncline.clock import SystemClock
from syncline.errors import WebhookError
from syncline.upstreams.webhooks import send

URL = f"{BASE}/hooks/rounds?shop=1"
BODY = json.dumps({"round": 7}).encode()


async def sent(edge: respx.Router, url: str = URL) -> None:
    transport = httpx.MockTransport(edge.async_handler)
    await send(
        endpoint(url),
        webhook_id="round-7",
        body=BODY,
        now=SystemClock().now(),
        transport=transport,
    )


def test_a_webhook_is_one_signed_post_of_its_body(edge: respx.Router) -> None:
    """The reference implementation takes the signature, and the query of the URL stays."""
    route = edge.post(URL).respond(204)
    asyncio.run(sent(edge))
    (request,) = requests_of(route)
    assert request.content == BODY
    assert Webhook(SECRET).verify(request.content, dict(request.headers)) == {"round": 7}
    assert request.headers["webhook-id"] == "round-7"
    assert request.headers["content-type"] == "application/json"
    assert "authorization" not in request.headers


def test_a_user_in_the_url_is_sent_as_basic_authentication(edge: respx.Router) -> None:
    """Nothing of it stays in the address, which proxies write to their logs."""
    route = edge.post(path="/hooks").respond(200)
    asyncio.run(sent(edge, "https://ann:word@api.example/hooks"))
    (request,) = requests_of(route)
    assert request.headers["authorization"] == "Basic YW5uOndvcmQ="


@pytest.mark.parametrize(
    ("answer", "status", "final"),
    [
        (httpx.Response(301, headers={"Location": f"{BASE}/elsewhere"}), 301, False),
        (httpx.Response(401), 401, False),
        (httpx.Response(410), 410, True),
        (httpx.Response(429, headers={"Retry-After": "5"}), 429, False),
        (httpx.Response(503), 503, False),
        (httpx.ConnectError("refused"), None, False),
        (httpx.ReadTimeout("slow"), None, False),
        (httpx.RemoteProtocolError("cut"), None, False),
    ],
)
def test_what_was_not_taken_is_told_after_one_attempt(
    edge: respx.Router, answer: httpx.Response | Exception, status: int | None, *, final: bool
) -> None:
    """No redirect is followed; only 410 says that no other attempt is wanted; the path and the secret stay unsaid."""
    effect: Any = {"return_value" if isinstance(answer, httpx.Response) else "side_effect": answer}
    route = edge.post(URL).mock(**effect)
    with pytest.raises(WebhookError) as caught:
        asyncio.run(sent(edge))
    assert (caught.value.status, caught.value.final) == (status, final)
    assert SECRET not in str(caught.value)
    assert "hooks" not in str(caught.value)
    assert len(requests_of(route)) == 1
