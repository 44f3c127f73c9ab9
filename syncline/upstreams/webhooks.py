"""Webhooks that go out, signed as Standard Webhooks want it (https://www.standardwebhooks.com)."""

import asyncio
from base64 import b64decode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import floor

import httpx
from pydantic import SecretStr
from standardwebhooks import Webhook

from syncline.errors import ConfigurationError, WebhookError

__all__ = ["TIMEOUT_SECONDS", "Endpoint", "send"]

TIMEOUT_SECONDS = 15.0
"""So long an attempt may take, all in all."""
_PREFIX = "whsec_"
_GONE = 410
"""The receiver wants no more webhooks, says the specification."""
_FAILURES = (httpx.HTTPError, OSError)
"""What a transport raises; a `TimeoutError` is an `OSError`."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where webhooks go; nothing secret shows in its `repr`.

    Attributes:
        url: of http or https; a user and a password in it are sent along.
        secret: what they are signed with: base64, with or without `whsec_` before it.
        url_setting: the variable that sets the URL, for messages.
        secret_setting: the variable that sets the secret.

    Raises:
        ConfigurationError: one of them cannot be used; the message names its setting, and repeats nothing of it.
    """

    url: str = field(repr=False)
    secret: SecretStr | str = field(repr=False)
    url_setting: str
    secret_setting: str

    def __post_init__(self) -> None:
        """Refuse what would fail at the first webhook."""
        _ = self.location, self.key

    @property
    def origin(self) -> str:
        """Scheme, host and port: what of the URL may be told."""
        return f"{self.location.scheme}://{self.location.netloc.decode()}"

    @property
    def location(self) -> httpx.URL:
        """The URL, read."""
        try:
            read = httpx.URL(self.url)
        except (httpx.InvalidURL, ValueError):
            read = httpx.URL("")
        if read.scheme not in {"http", "https"} or not read.host:
            raise ConfigurationError(f"{self.url_setting} must be a URL that begins with http:// or https://")
        return read

    @property
    def key(self) -> bytes:
        """The secret, decoded."""
        told = self.secret.get_secret_value() if isinstance(self.secret, SecretStr) else self.secret
        encoded = told.removeprefix(_PREFIX)
        try:
            key = b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        except ValueError:
            key = b""
        if not key:
            raise ConfigurationError(f"{self.secret_setting} must be base64, with or without {_PREFIX} before it")
        return key

    def hint(self, status: int) -> str:
        """What can be done about an answer with this `status`; "" if nothing is known."""
        if httpx.codes.is_redirect(status):
            return f"redirects are not followed; set {self.url_setting} to where it leads"
        match status:
            case 401 | 403:
                return f"check {self.secret_setting}, which it must know as well"
            case 404:
                return f"check {self.url_setting}"
            case 410:
                return "it wants no more of them"
            case _:
                return ""


async def send(
    endpoint: Endpoint,
    *,
    webhook_id: str,
    body: bytes,
    now: datetime,
    transport: httpx.AsyncBaseTransport | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> None:
    """Post `body`, which is JSON, in one attempt; what is sent again keeps its `webhook_id`.

    No redirect is followed, nothing of the answer is read but its head, and neither a proxy nor ~/.netrc is asked.
    `transport` replaces the network, and is closed.

    Raises:
        WebhookError: it was not accepted, or there was no answer.
    """
    request = _signed(endpoint, webhook_id, body, now)
    opened = transport or httpx.AsyncHTTPTransport(verify=request.url.scheme == "https")
    status = await _status(endpoint, request, opened, timeout_seconds)
    if not httpx.codes.is_success(status):
        raise WebhookError(_refusal(endpoint, status), status=status, final=status == _GONE)


def _signed(endpoint: Endpoint, webhook_id: str, body: bytes, now: datetime) -> httpx.Request:
    at = now.astimezone(UTC)  # the library takes the time of any zone for UTC
    headers = {
        "content-type": "application/json",
        "user-agent": "syncline",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(floor(at.timestamp())),
        "webhook-signature": Webhook(endpoint.key).sign(webhook_id, at, body.decode()),
    }
    url = endpoint.location
    request = httpx.Request("POST", url, headers=headers, content=body)
    return next(httpx.BasicAuth(url.username, url.password).auth_flow(request)) if url.userinfo else request


async def _status(
    endpoint: Endpoint, request: httpx.Request, transport: httpx.AsyncBaseTransport, timeout_seconds: float
) -> int:
    """The status of the answer; past httpx's client, which writes whole URLs to its log."""
    try:
        async with asyncio.timeout(timeout_seconds), transport:
            answer = await transport.handle_async_request(request)
            await answer.aclose()
            return answer.status_code
    except _FAILURES as error:
        said = _trouble(error, timeout_seconds)
    raise WebhookError(f"a webhook got no answer: {endpoint.origin} {said}")  # outside of `except`: nothing is chained


def _trouble(error: Exception, timeout_seconds: float) -> str:
    """What went wrong; only if no connection came about, the error names nothing but a host."""
    match error:
        case httpx.ConnectError():
            return f"cannot be reached: {' '.join(str(error).split())}"
        case httpx.TimeoutException() | TimeoutError():
            return f"did not answer within {timeout_seconds:g} s"
        case _:
            return f"hung up, or speaks no HTTP ({type(error).__name__})"


def _refusal(endpoint: Endpoint, status: int) -> str:
    hint = endpoint.hint(status)
    return f"{endpoint.origin} did not take a webhook ({status}){': ' if hint else ''}{hint}"
