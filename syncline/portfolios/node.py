"""A chain's node as an upstream: where it is, what it may be asked, and how its secrets are kept."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import SplitResult, parse_qsl, urlsplit

import httpx

from syncline.clock import Clock
from syncline.errors import MissingSettingError, RateLimitedError
from syncline.kernel_settings import KernelSettings, UpstreamSettings
from syncline.model.budgets import Budget, SlidingWindow
from syncline.model.policies import Backoff
from syncline.model.upstream import Upstream
from syncline.portfolios.settings import ChainSettings, chain_setting
from syncline.portfolios.trouble import Failure
from syncline.upstreams.budgeted import RequestBudget
from syncline.upstreams.client import UpstreamClient

__all__ = ["NodeSigner", "SlowDown", "chain_upstream", "node_client"]

_DAY_SECONDS = 86_400
_SECRET_LENGTH = 12
"""A part of a URL's path that is at least so long may be a key."""
_PAUSES = Backoff(initial=1, maximum=60, jitter=0)
"""The pauses after bursts of refusals inside answers, one after the other, that name no time."""


@dataclass(frozen=True)
class NodeSigner:
    """Sends each request to the node's whole URL, which the rest of the client never sees: providers put keys in it."""

    url: httpx.URL
    secrets: tuple[str, ...]
    parameters: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Without the URL."""
        return f"NodeSigner({self.url.host})"

    def sign(self, request: httpx.Request) -> None:
        """Name the whole URL; a user and password in it are sent as the scheme Basic has them."""
        request.url = self.url.copy_with(username=None, password=None) if self.url.userinfo else self.url
        if self.url.userinfo:
            basic = base64.b64encode(f"{self.url.username}:{self.url.password}".encode()).decode()
            request.headers["Authorization"] = f"Basic {basic}"

    async def refresh(self) -> bool:
        """False: only the operator can renew it."""
        return False


@dataclass(kw_only=True)
class SlowDown:
    """What is done where a node asks, inside an answer, to slow down: its budget is blocked, for all processes.

    Attributes:
        upstream: the node.
        budget: pays for its requests.
        clock: the time.
        bursts: how many refusals came one after the other.
        until: up to when the budget is blocked.
    """

    upstream: Upstream
    budget: RequestBudget
    clock: Clock
    bursts: int = 0
    until: datetime | None = None

    async def __call__(self, failure: Failure) -> None:
        """Block the budget until the time that the provider named, or for a pause where it named none.

        Raises:
            RateLimitedError: that exceeds the patience of the budget.
        """
        now = self.clock.now()
        if self.until is None or self.until <= now:
            self.bursts = self.bursts + 1 if self.until is not None and now - self.until < timedelta(minutes=5) else 1
            self.until = now + timedelta(seconds=failure.seconds or _PAUSES.grown_seconds(self.bursts))
            keys = (self.upstream.block_key, *self.upstream.budget_keys)
            await asyncio.to_thread(self.budget.gate.block, keys, until=self.until)
        if (self.until - now).total_seconds() > self.budget.patience_seconds:
            message = f"{self.upstream.name} asks to slow down: {failure.said}"
            raise RateLimitedError(message, upstream=self.upstream.name, retry_at=self.until)


def chain_upstream(chain_id: int, chain: ChainSettings) -> Upstream:
    """The upstream that a chain's node is: each call of a batch is paid for."""
    rate = chain.calls_per_second
    window = SlidingWindow(limit=max(1, int(rate)), period_seconds=max(1.0, 1 / rate))
    budgets = [Budget(name="calls", policy=window)]
    if chain.calls_per_day is not None:
        budgets.append(Budget(name="day", policy=SlidingWindow(limit=chain.calls_per_day, period_seconds=_DAY_SECONDS)))
    return Upstream(name=f"chain_{chain_id}", url_setting=chain_setting(chain_id, "rpc_url"), budgets=tuple(budgets))


def most_calls(upstream: Upstream, chain: ChainSettings) -> int:
    """How many calls a batch may hold: what costs more than a budget ever holds is never sent."""
    return min(chain.batch_calls, *(budget.policy.capacity for budget in upstream.budgets))


def node_client(
    upstream: Upstream,
    chain: ChainSettings,
    settings: KernelSettings,
    *,
    budget: RequestBudget,
    clock: Clock | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> UpstreamClient:
    """A client for the node of a chain; `transport` replaces the network.

    Raises:
        ConfigurationError: its URL cannot be used; the message names the setting, and nothing of the URL.
    """
    url = _url(chain, upstream.url_setting)
    origin = f"{url.scheme}://{url.netloc.rpartition('@')[2]}"
    known = {**settings.upstreams, upstream.name: UpstreamSettings(base_url=origin)}
    signer = NodeSigner(
        httpx.URL(url.geturl()), _secrets(url), tuple(name for name, _ in parse_qsl(url.query, keep_blank_values=True))
    )
    return UpstreamClient(
        upstream,
        settings.model_copy(update={"upstreams": known}),
        transport=transport,
        clock=clock,
        budget=budget,
        signer=signer,
    )


def _url(chain: ChainSettings, setting: str) -> SplitResult:
    try:
        url = urlsplit(chain.rpc_url.get_secret_value().strip())
        is_whole = bool(url.hostname) and " " not in url.netloc and url.port != 0
        httpx.URL(url.geturl())
    except (ValueError, httpx.InvalidURL):
        is_whole, url = False, urlsplit("")
    if not is_whole:
        raise MissingSettingError(setting, "where is the chain's node? (what is set is no URL)")
    return url


def _secrets(url: SplitResult) -> tuple[str, ...]:
    """What of a node's URL must not be stored or shown."""
    parts = [part for part in url.path.split("/") if len(part) >= _SECRET_LENGTH]
    values = [value for _, value in parse_qsl(url.query) if value]
    return tuple(dict.fromkeys((*parts, *values, *filter(None, (url.password,)))))
