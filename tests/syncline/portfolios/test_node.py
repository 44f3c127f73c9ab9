import asyncio
from typing import Any

import httpx
import msgspec
import pytest
from support.evm.chains import OpenGate, World, chain_at, on
from support.evm.machine import ALICE
from support.evm.node import error

from syncline.clock import ManualClock
from syncline.errors import ConfigurationError, RateLimitedError, SynclineError
from syncline.portfolios.chain import Chain
from syncline.portfolios.node import chain_upstream
from syncline.portfolios.reading import ChainRead, Wallet, read_wallets
from syncline.portfolios.settings import ChainSettings
from syncline.settings import Settings
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.upstreams.budgeted import RequestBudget

KEY, PASSWORD, TOKEN = "0123456789abcdef0123456789abcdef", "hunter2!", "t0k3n"
URL = f"https://ann:{PASSWORD}@mainnet.example:8443/v3/{KEY}?auth={TOKEN}&net=main"
ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


def read(chain: Chain) -> ChainRead:
    return on(chain, lambda opened: read_wallets(opened, [Wallet(address=ADDRESS)]))


def said(node: Any, **given: Any) -> str:  # noqa: ANN401
    """What a read of a chain fails with."""
    with pytest.raises(SynclineError) as failed:
        read(chain_at(node, rpc_url=URL, **given))
    return f"{failed.value} {failed.value!r} {failed.value.__cause__} {failed.value.__context__}"


def repeating(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=error(-32603, f"no such project: {request.url}"))


def refusing(request: httpx.Request) -> httpx.Response:
    return httpx.Response(401, json={"message": f"project {KEY} with {PASSWORD} is suspended"})


def redirecting(request: httpx.Request) -> httpx.Response:
    return httpx.Response(302, headers={"location": f"https://elsewhere.example/v3/{KEY}"})


def breaking(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError(f"cannot connect to {request.url}")


@pytest.mark.parametrize("node", [repeating, refusing, redirecting, breaking])
def test_a_key_in_a_nodes_url_is_sent_and_never_shown(node: Any) -> None:  # noqa: ANN401
    """Providers put keys into the path, and repeat them in what they answer."""
    text = said(node)
    assert "chain_1" in text
    for secret in (KEY, PASSWORD, TOKEN):
        assert secret not in text


def test_a_request_goes_to_the_whole_url_with_the_user_in_a_header(world: World) -> None:
    """Some nodes stand behind a proxy that asks for a password."""
    seen: list[httpx.Request] = []

    def node(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return world.node()(request)

    read(chain_at(node, rpc_url=URL))
    assert {str(request.url) for request in seen} == {f"https://mainnet.example:8443/v3/{KEY}?auth={TOKEN}&net=main"}
    assert {request.headers["authorization"] for request in seen} == {"Basic YW5uOmh1bnRlcjIh"}
    assert {request.method for request in seen} == {"POST"}


@pytest.mark.parametrize("node", [refusing, redirecting])
def test_a_refusal_names_the_setting(node: Any) -> None:  # noqa: ANN401
    """Which one is to be mended."""
    assert "SYNCLINE_CHAINS__1__RPC_URL" in said(node)


@pytest.mark.parametrize("url", ["http://", "http://:8545", "https://node:port/v3/secretsecret", "http://no de/x"])
def test_a_url_that_is_none_is_refused_by_its_setting(url: str) -> None:
    """And not repeated: it may hold a key."""
    with pytest.raises(ConfigurationError, match=r"SYNCLINE_CHAINS__1__RPC_URL .*no URL") as refused:
        chain_at(repeating, rpc_url=url)
    assert "secretsecret" not in str(refused.value)


def test_each_call_is_paid_for_and_no_batch_exceeds_the_budget(world: World) -> None:
    """Providers bill each call of a batch."""
    gate, node = OpenGate(), world.node()
    tokens = frozenset([world.gold, world.old, world.rude, world.liar])
    chain = chain_at(node, gate=gate, multicall="", calls_per_second=3, calls_per_day=1_000)
    on(chain, lambda opened: read_wallets(opened, [Wallet(address=ALICE, tokens=tokens)]))
    assert gate.costs == node.requests
    assert max(gate.costs) == 3
    assert [budget.policy.capacity for budget in chain_budgets(calls_per_second=0.25)] == [1]
    assert [budget.policy.capacity for budget in chain_budgets(calls_per_second=2.9, calls_per_day=7)] == [2, 7]


def chain_budgets(**given: Any) -> tuple[Any, ...]:  # noqa: ANN401
    return chain_upstream(1, ChainSettings.model_validate({"rpc_url": URL, **given})).budgets


def limited(world: World, times: int, **more: object) -> Any:  # noqa: ANN401
    """A node that answers the first requests, each in a 200, with its limit."""
    node, left = world.node(), times

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal left
        left -= 1
        return node(request) if left < 0 else httpx.Response(200, json=error(-32005, "limit exceeded", **more))

    return answer


def test_a_limit_inside_an_answer_blocks_the_budget_for_all_processes(
    world: World, sqlite_store: Store, clock: ManualClock
) -> None:
    """The transport takes such an answer for a success; the next request waits all the same, also another process's."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        clock.advance(seconds=seconds)

    budget = RequestBudget(gate=Budgets(sqlite_store), patience_seconds=60, sleep=sleep)
    settings = ChainSettings.model_validate({"rpc_url": "http://node", "calls_per_second": 1_000})

    def chain(node: Any) -> Chain:  # noqa: ANN401
        return Chain(1, settings, Settings(), budget=budget, clock=clock, transport=httpx.MockTransport(node))

    read(chain(limited(world, 2)))
    assert sum(waited) == pytest.approx(3, abs=0.1)  # a second, then two
    waited.clear()
    read(chain(limited(world, 1, data={"rate": {"backoff_seconds": 20}})))
    assert sum(waited) == pytest.approx(20, abs=0.1)


def test_a_pause_that_is_too_long_ends_the_read(world: World) -> None:
    """With the time from which it may go on."""
    gate = OpenGate()
    with pytest.raises(RateLimitedError) as refused:
        read(chain_at(limited(world, 1, data={"rate": {"backoff_seconds": 90}}), gate=gate))
    assert [refused.value.retry_at] == gate.blocks


def test_two_reads_of_one_burst_block_once(world: World) -> None:
    """Several requests are under way when a provider begins to refuse."""
    gate, node = OpenGate(), world.node()
    refused = {"left": 3}

    def answer(request: httpx.Request) -> httpx.Response:
        calls: Any = msgspec.json.decode(request.content)
        if (
            isinstance(calls, dict)
            and calls["method"] == "eth_call"
            and len(request.content) > 1_000
            and refused["left"]
        ):
            refused["left"] -= 1
            return httpx.Response(200, json=error(429, "Too Many Requests"))
        return node(request)

    async def reading() -> None:
        async with chain_at(answer, gate=gate, multicall_calls=5) as chain:
            wallets = [Wallet(address=ADDRESS, tokens=frozenset([f"0x{number:040x}" for number in range(1, 15)]))]
            await read_wallets(chain, wallets)

    asyncio.run(reading())
    assert len(gate.blocks) == 1
