"""Webhooks that are sent to receivers on this machine."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeAlias

import pytest
from pydantic import SecretStr

from syncline.clock import SystemClock
from syncline.errors import WebhookError
from syncline.upstreams.webhooks import Endpoint, send

__all__ = ["BODY", "SECRET", "Talk", "endpoint", "posted", "refused", "talking"]

Talk: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""What a receiver does once it has read a webhook."""
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = '{"round": 7, "title": "Ünïcode"}'.encode()


def endpoint(url: str, secret: SecretStr | str = SECRET) -> Endpoint:
    """A receiver as the settings of snapshots name it."""
    return Endpoint(
        url=url, secret=secret, url_setting="SYNCLINE_SNAPSHOT_URL", secret_setting="SYNCLINE_SNAPSHOT_SECRET"
    )


async def posted(url: str, *, secret: str = SECRET, timeout_seconds: float = 10, now: datetime | None = None) -> None:
    """Send one webhook, now unless told otherwise."""
    at = SystemClock().now() if now is None else now
    await send(
        endpoint(url, SecretStr(secret)), webhook_id="round-7", body=BODY, now=at, timeout_seconds=timeout_seconds
    )


def refused(url: str, *, secret: str = SECRET) -> WebhookError:
    """The error of a webhook that is not taken; one line, like all of them."""
    with pytest.raises(WebhookError) as caught:
        asyncio.run(posted(url, secret=secret))
    assert len(str(caught.value).splitlines()) == 1
    return caught.value


@asynccontextmanager
async def talking(talk: Talk, hung_up: asyncio.Event) -> AsyncGenerator[str]:
    """A receiver that may speak no HTTP at all, and sees that the sender hangs up; gives its URL."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(BODY)
            await talk(reader, writer)
        except ConnectionError:
            hung_up.set()
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
