"""The demo: the sandbox as upstream, also for the commands that are typed in another terminal meanwhile."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, nullcontext

import httpx
from pydantic import SecretStr

from syncline.held_file import hold_file
from syncline.jobs import registration
from syncline.model.source import Source
from syncline.portfolios.settings import ChainSettings, chain_setting
from syncline.settings import Settings, UpstreamSettings
from syncline.store.engine import open_store

__all__ = ["demo_file", "demo_settings", "register_wallets"]

SANDBOX_TOKEN = "sandbox-erp-token"  # noqa: S105 - the simulated upstream's, of no use elsewhere
X_TOKEN = "sandbox-x-token"  # noqa: S105 - the same
X_USER_ID = "1888000000000000001"
"""Whom the tweets of the simulated X mention."""
SNAPSHOT_SECRET = "whsec_c2FuZGJveC1pbmJveC1zZWNyZXQ="  # noqa: S105 - the simulated receiver's
ROUND_SECONDS = 600
"""A demo sees a round frozen, and the next begin."""
_REGISTER_AT_ONCE = 100
_PATIENCE_SECONDS = 30.0
FEEDS = ("airdrops", "airdrops_upcoming", "community", "points", "quests", "sponsored", "yield")
"""The upstreams that the sandbox has below `/feeds/NAME`."""


def demo_settings(settings: Settings) -> Settings:
    """`settings` with the sandbox as all upstreams, and as the receiver of webhooks."""
    changed = {
        "upstreams": settings.upstreams | _upstreams(settings),
        "chains": settings.chains | _chains(settings),
        "round_seconds": settings.round_seconds or ROUND_SECONDS,
        "snapshot_url": f"{_sandbox(settings)}/inbox",
        "snapshot_secret": SecretStr(SNAPSHOT_SECRET),
    }
    return settings.model_copy(update=changed)


@contextmanager
def demo_file(settings: Settings, *, demo: bool) -> Generator[None]:
    """While a demo runs, what is simulated stands in a file of the home; what a killed demo left there is removed.

    It counts only while this process lives (`load_settings`).
    """
    file = settings.demo_file
    file.unlink(missing_ok=True)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = "".join(f"{line}\n" for line in _lines(settings))
    try:
        with hold_file(file, text) if demo else nullcontext():
            yield
    finally:
        file.unlink(missing_ok=True)


def _sandbox(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.sandbox_port}"


def _upstreams(settings: Settings) -> dict[str, UpstreamSettings]:
    url = _sandbox(settings)
    erp = UpstreamSettings(base_url=url, token=SecretStr(SANDBOX_TOKEN))
    x = UpstreamSettings(base_url=f"{url}/x", token=SecretStr(X_TOKEN), user_id=X_USER_ID)
    prices = UpstreamSettings(base_url=f"{url}/coingecko")
    return {"erp": erp, "x": x, "prices": prices} | {
        name: UpstreamSettings(base_url=f"{url}/feeds/{name}") for name in FEEDS
    }


def _chains(settings: Settings) -> dict[int, ChainSettings]:
    url = f"{_sandbox(settings)}/evm"
    return {
        1: ChainSettings(rpc_url=SecretStr(f"{url}/1"), calls_per_second=2_000),
        8453: ChainSettings(rpc_url=SecretStr(f"{url}/8453"), multicall="", calls_per_second=2_000),
    }


def register_wallets(settings: Settings, source: Source) -> int:
    """Register the wallets of the simulated chains, each for a user of its own; returns how many are new."""
    answer = httpx.get(f"{_sandbox(settings)}/sandbox/evm/wallets", timeout=_PATIENCE_SECONDS, trust_env=False)
    addresses = [wallet["address"] for wallet in answer.raise_for_status().json()["wallets"]]
    limits = settings.accounts
    wanted = [
        registration.wanted(source, user_id=f"demo-{number:03}", external_id=address, settings={}, limits=limits)
        for number, address in enumerate(addresses, start=1)
    ]
    added = 0
    with closing(open_store(settings)) as store:
        for start in range(0, len(wanted), _REGISTER_AT_ONCE):
            batch = wanted[start : start + _REGISTER_AT_ONCE]
            added += registration.register_many(store, batch, actor="demo").added
    return added


def _lines(settings: Settings) -> Iterator[str]:
    for name, upstream in _upstreams(settings).items():
        prefix = f"SYNCLINE_UPSTREAMS__{name.upper()}__"
        yield f"{prefix}BASE_URL={upstream.base_url}"
        if upstream.token is not None:
            yield f"{prefix}TOKEN={upstream.token.get_secret_value()}"
        if upstream.user_id is not None:
            yield f"{prefix}USER_ID={upstream.user_id}"
    for chain_id, chain in _chains(settings).items():
        yield f"{chain_setting(chain_id, 'rpc_url')}={chain.rpc_url.get_secret_value()}"
        if not chain.multicall:
            yield f"{chain_setting(chain_id, 'multicall')}="
    yield f"SYNCLINE_ROUND_SECONDS={settings.round_seconds or ROUND_SECONDS:g}"
    yield f"SYNCLINE_SNAPSHOT_URL={_sandbox(settings)}/inbox"
    yield f"SYNCLINE_SNAPSHOT_SECRET={SNAPSHOT_SECRET}"
