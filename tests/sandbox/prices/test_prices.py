"""The simulated price APIs: CoinGecko's and DefiLlama's shapes, quotas, and prices that are none."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

import sandbox
from sandbox.evm.address import ZERO
from sandbox.prices.world import Prices
from syncline.clock import ManualClock

USDC = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
SHIB = "0x95aD61b0a150d79219dCF64E1E6Cc01f0B64C4cE"
UNKNOWN = "0x5a11d00000000000000000000000000000000a05"
TOKENS, COINS, LLAMA = (
    "/coingecko/api/v3/simple/token_price/ethereum", "/coingecko/api/v3/simple/price", "/llama/prices/current/",
)  # fmt: skip


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 1, 22, 10, tzinfo=UTC))


@pytest.fixture
def box(clock: ManualClock) -> Iterator[sandbox.Box]:
    with sandbox.serving(products=1, customers=1, pools=1, mentions=1, wallets=1, clock=clock.now) as served:
        yield served


@pytest.fixture
def client(box: sandbox.Box) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=box.url) as opened:
        yield opened


def simple(client: httpx.Client, path: str = TOKENS, **query: str) -> httpx.Response:
    named = {"contract_addresses": f"{USDC},{SHIB},{UNKNOWN}"} if path == TOKENS else {"ids": "ethereum,nothing"}
    return client.get(path, params={**named, "vs_currencies": "usd", "include_last_updated_at": "true", **query})


def test_prices_come_in_coingeckos_shape(client: httpx.Client, clock: ManualClock) -> None:
    """By address in lower case, with all digits and a time; what is not known is left out."""
    now = int(clock.now().timestamp())
    answer = simple(client)
    assert answer.json() == {
        USDC.lower(): {"usd": 0.999871, "last_updated_at": now},
        SHIB.lower(): {"usd": 0.0000174231, "last_updated_at": now},
    }
    assert b"0.0000174231" in answer.content
    assert simple(client, COINS).json() == {"ethereum": {"usd": 3120.55, "last_updated_at": now}}
    assert simple(client, include_last_updated_at="false").json()[USDC.lower()] == {"usd": 0.999871}
    assert client.get(f"{TOKENS[:-8]}moon").status_code == 404
    assert [simple(client, vs_currencies="").status_code, client.get(TOKENS).status_code] == [400, 400]


def test_prices_come_in_defillamas_shape(client: httpx.Client, clock: ManualClock) -> None:
    """Several chains in one request, each coin under the name that it was asked by."""
    base = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
    rare = "ethereum:0x5a11d00000000000000000000000000000000a02"
    names = [f"ethereum:{USDC}", f"base:{base}", "coingecko:ethereum", f"base:{ZERO}", rare, f"ethereum:{UNKNOWN}"]
    coins = client.get(LLAMA + ",".join(names)).json()["coins"]
    assert list(coins) == names[:-1]
    expected = {"decimals": 6, "symbol": "USDC", "price": 0.999871, "confidence": 0.99}
    assert coins[names[0]] == expected | {"timestamp": int(clock.now().timestamp())}
    assert (coins[rare]["confidence"], coins[names[2]] == coins[names[3]]) == (0.6, True)


def test_each_api_has_a_quota_a_minute(client: httpx.Client, clock: ManualClock, box: sandbox.Box) -> None:
    """A 429 says when to come back, which then is right."""
    client.post("/sandbox/prices/settings", json={"per_window": 2}).raise_for_status()
    clock.advance(seconds=0.5)
    answers = [simple(client) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert client.get(f"{LLAMA}coingecko:ethereum").status_code == 200
    assert answers[2].headers["Retry-After"] == "60"
    clock.advance(seconds=60)
    assert simple(client).status_code == 200
    assert (box.prices.windows["coingecko"].refused, box.prices.asked[USDC]) == (1, 3)


def test_prices_move_and_those_of_rare_tokens_grow_old(clock: ManualClock) -> None:
    """The same for the same seed; a price keeps the time of its last trade."""
    one, other = (Prices(seed=7, clock=clock.now) for _ in range(2))
    began = int(clock.now().timestamp())
    clock.advance(seconds=600)
    for prices in (one, other):
        prices.tick()
    assert one.state() == other.state()
    quotes = list(one.tokens.values())
    assert all(quote.time == began + 600 for quote in quotes if not quote.is_rare)
    assert any(quote.time == began for quote in quotes)
    assert all(quote.price > 0 and len(quote.price.as_tuple().digits) <= 12 for quote in quotes)
    one.set(1, USDC, Decimal("1.000000000000000000000001"))
    assert one.tokens[1, USDC.lower()].price == Decimal("1.000000000000000000000001")


@pytest.mark.parametrize("path", [TOKENS, f"{LLAMA}ethereum:{USDC},coingecko:ethereum"])
def test_faults_spoil_prices(client: httpx.Client, box: sandbox.Box, path: str) -> None:
    """Each in the way that was asked, and NaN as no JSON has it."""
    for how, text in (("nan", b"NaN"), ("negative", b"-1.5"), ("absurd", b"1e40"), ("text", b"about")):
        box.faults.add("bad_rows", how=how, path=path.partition("ethereum:")[0] + "*")
        assert text in simple(client, path).content
    box.faults.add("page_cap", size=1, path="/coingecko/*")
    box.faults.add("page_cap", size=1, path="/llama/*")
    body = simple(client, path).json()
    assert len(body.get("coins", body)) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("prices/settings", {"per_window": 0}),
        ("prices/set", {"chain_id": 1, "address": UNKNOWN, "price": "1"}),
        ("prices/set", {"chain_id": 1, "address": USDC, "price": "-1"}),
        ("faults", {"kind": "bad_rows", "how": "rotten", "path": "/llama/*"}),
        ("faults", {"kind": "moving_rows", "mode": "delete_early", "path": "/llama/*"}),
    ],
)
def test_a_wrong_order_is_refused(client: httpx.Client, path: str, body: dict[str, Any]) -> None:
    """A fault that silently never strikes would make a test pass for nothing."""
    assert client.post(f"/sandbox/{path}", json=body).status_code == 422


def test_a_key_and_a_bound_of_coins_can_be_asked_for(client: httpx.Client) -> None:
    """As CoinGecko's plans do."""
    client.post("/sandbox/prices/settings", json={"key": "k", "most_coins": 2}).raise_for_status()
    assert simple(client).status_code == 401
    client.headers["x-cg-demo-api-key"] = "k"
    assert simple(client).json()["status"]["error_code"] == 10012
    assert simple(client, contract_addresses=f"{USDC},{SHIB}").status_code == 200
    client.post("/sandbox/prices/move").raise_for_status()
    client.delete("/sandbox/prices/asked").raise_for_status()
    assert client.get("/sandbox/prices").json()["asked"] == {}
