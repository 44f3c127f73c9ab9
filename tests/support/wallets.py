"""A source with accounts, for tests of what is done with them, and calls of the app as several users."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
from fastapi import FastAPI

from syncline.errors import ConfigurationError
from syncline.model.account_kind import AccountKind
from syncline.model.source import Source
from syncline.model.upstream import Upstream
from syncline.settings import Settings
from web.tokens import Role, issue

__all__ = ["WALLETS", "As", "Call", "calls_of", "register"]

Call = Callable[..., httpx.Response]
As = Callable[..., Call]


def _canonical(text: str) -> str:
    if not text.lower().startswith("0x"):
        raise ConfigurationError(f"a wallet's address is 0x and 40 digits, but is {text!r}")
    return text.lower()


WALLETS = Source(
    name="wallets",
    upstream=Upstream(name="erp"),
    accounts=AccountKind(noun="wallet", canonical=_canonical, settings=frozenset({"chains"})),
)


def calls_of(app: FastAPI, settings: Settings) -> As:
    """Makes what calls the one app as this user, each time in an event loop of its own."""

    def as_(user: str, role: Role = Role.USER) -> Call:
        token = issue(settings, user, timedelta(hours=1), role=role)

        def call(method: str, path: str, **request: Any) -> httpx.Response:  # noqa: ANN401 - as httpx takes it
            async def send() -> httpx.Response:
                transport = httpx.ASGITransport(app, raise_app_exceptions=False)
                async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                    return await client.request(method, path, headers={"Authorization": f"Bearer {token}"}, **request)

            return asyncio.run(send())

        return call

    return as_


def register(call: Call, external_id: str = "0xA", **body: object) -> httpx.Response:
    """Register a wallet."""
    return call("POST", "/api/accounts", json={"source": "wallets", "external_id": external_id, **body})
