"""The simulated chains over real HTTP, and what they do wrong: no reading ever differs from what the chain holds."""

from collections.abc import Generator, Sequence
from typing import Any

import pytest
from support.evm.chains import OpenGate, on

import sandbox
from sandbox.evm.chain import Chain as SimulatedChain
from syncline.errors import UnavailableError
from syncline.portfolios.address import checksummed
from syncline.portfolios.chain import Chain
from syncline.portfolios.moves import LastRead, Scan, named, scan
from syncline.portfolios.reading import ChainRead, Wallet, read_wallets
from syncline.portfolios.settings import ChainSettings
from syncline.portfolios.tables import NATIVE
from syncline.settings import Settings
from syncline.upstreams.budgeted import RequestBudget

WALLETS = 24


@pytest.fixture(scope="module")
def served() -> Generator[sandbox.Box]:
    with sandbox.serving(products=1, customers=1, pools=1, mentions=1, wallets=WALLETS) as box:
        yield box


@pytest.fixture
def box(served: sandbox.Box) -> Generator[sandbox.Box]:
    """Without the faults and settings of the test before."""
    before = {chain_id: node.settings for chain_id, node in served.evm.nodes.items()}
    yield served
    served.faults.clear()
    for chain_id, settings in before.items():
        served.evm[chain_id].settings = settings


def chain_of(box: sandbox.Box, chain_id: int, **given: Any) -> Chain:  # noqa: ANN401
    settings = ChainSettings.model_validate(
        {"rpc_url": f"{box.url}/evm/{chain_id}/0123456789abcdef", "calls_per_second": 10_000, **given}
    )
    return Chain(chain_id, settings, Settings(), budget=RequestBudget(gate=OpenGate()))


def held(chain: SimulatedChain, wallet: str, number: int) -> dict[str, int]:
    """What a wallet really holds at a block."""
    lower = wallet.lower()
    found = {token: chain.ledger.at((token, lower), number) for token in chain.tokens}
    return {checksummed(token[2:]): amount for token, amount in found.items() if amount or token == NATIVE}


def read(box: sandbox.Box, chain_id: int, **given: Any) -> ChainRead:  # noqa: ANN401
    chain = box.evm[chain_id].chain
    wallets = [checksummed(wallet[2:]) for wallet in box.evm.wallets]
    asked = [Wallet(address=one, held=frozenset(held(chain, one, chain.head))) for one in wallets]
    return on(chain_of(box, chain_id, **given), lambda opened: read_wallets(opened, asked))


def check(box: sandbox.Box, found: ChainRead) -> None:
    """Compare what was read with what is so at that block."""
    chain = box.evm[found.chain_id].chain
    block = chain.block(found.block.number)
    assert block is not None
    assert block.hash == found.block.hash
    for wallet, reading in found.readings.items():
        truth = held(chain, wallet, found.block.number)
        assert reading.balances == {token: truth.get(token, 0) for token in reading.balances}
        assert NATIVE in reading.balances.keys() | reading.unknown.keys()


SETTINGS: list[dict[str, Any]] = [
    {},
    {"order": "shuffled"},
    {"largest_batch": 7},
    {"largest_batch": 0},
    {"most_subcalls": 20},
    {"eip1898": False},
    {"multicall": False},
    {"multicall": False, "eip1898": False, "order": "reversed", "largest_batch": 30},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_nodes_of_all_kinds_are_read(box: sandbox.Box, settings: dict[str, Any]) -> None:
    """All that is held is found as it is; but for the token that answers no balances."""
    for chain_id in box.evm.nodes:
        box.evm[chain_id].settings = box.evm[chain_id].settings.changed(settings)
        found = read(box, chain_id)
        check(box, found)
        for wallet, reading in found.readings.items():
            truth = held(box.evm[chain_id].chain, wallet, found.block.number)
            assert truth.keys() == reading.balances.keys() | reading.unknown.keys()
        paused = {token for reading in found.readings.values() for token in reading.unknown}
        assert paused <= {checksummed("5a11d00000000000000000000000000000000a04")}


FAULTS: list[list[dict[str, Any]]] = [
    [{"kind": "page_cap", "size": 2, "count": 3}],
    *([{"kind": "bad_rows", "how": how, "rows": 5, "skip": 2}] for how in ("zero", "empty", "short", "null", "failed")),
    [{"kind": "bad_rows", "how": "garbage", "rows": 3, "skip": 3}],
    [{"kind": "bad_rows", "rows": 12, "skip": 3}],
    *(
        [{"kind": "reorg", "depth": 2, "mode": mode, "skip": skip}]
        for mode in ("replace", "revert")
        for skip in range(6)
    ),
    [{"kind": "lagging", "blocks": 1, "skip": 1, "count": 4}],
    [{"kind": "lagging", "blocks": 3, "skip": 3, "count": 1}],
    [{"kind": "malformed", "skip": 1}, {"kind": "cut_body", "skip": 2}],
]


@pytest.mark.parametrize("faults", FAULTS, ids=str)
@pytest.mark.parametrize("chain_id", [1, 8453])
def test_what_a_node_does_wrong_makes_no_wrong_balance(
    box: sandbox.Box, chain_id: int, faults: Sequence[dict[str, Any]]
) -> None:
    """What it says is right, or unknown, or the read is repeated or fails: it is never stored as something else."""
    chain = box.evm[chain_id].chain
    chain.mine(10)
    for fault in faults:
        box.faults.order({**fault, "path": f"/evm/{chain_id}/*"})
    try:
        found = read(box, chain_id, batch_calls=40)
    except UnavailableError:
        assert {fault["kind"] for fault in faults} & {"malformed", "lagging"}
    else:
        check(box, found)
        assert len(found.readings) == WALLETS


@pytest.mark.parametrize("provider", ["geth", "alchemy", "infura", "quicknode"])
def test_moves_are_found_in_the_words_of_each_provider(box: sandbox.Box, provider: str) -> None:
    """A range or a result that is too much is halved; the wallets are those whose balances differ."""
    node = box.evm[1]
    chain = node.chain
    limits = {"provider": provider, "largest_range": 7, "most_logs": 3, "most_topics": 10}
    node.settings = node.settings.changed(limits)
    wallets = [checksummed(wallet[2:]) for wallet in box.evm.wallets]
    before = read(box, 1)
    chain.mine(20)
    coins = {one: LastRead(coins=before.readings[one].balances[NATIVE]) for one in wallets}
    found: Scan = on(chain_of(box, 1), lambda opened: scan(opened, coins, since=before.block))
    for wallet in wallets:
        was, now = (held(chain, wallet, number) for number in (before.block.number, found.block.number))
        changed = {token for token in was.keys() | now.keys() if was.get(token, 0) != now.get(token, 0)}
        assert changed <= (found.moved[wallet].tokens if wallet in found.moved else set())
    assert 0 < len(found.moved) < WALLETS
    new = [Wallet(address=one) for one in wallets]
    tokens = on(chain_of(box, 1, lookback_blocks=20), lambda opened: named(opened, new, until=found.block))
    assert {one: move.tokens - {NATIVE} for one, move in tokens.items()} == {
        one: move.tokens - {NATIVE} for one, move in found.moved.items() if move.transfers
    }
