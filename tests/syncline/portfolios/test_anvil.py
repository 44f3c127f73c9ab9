"""The same by a node that nobody here wrote."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from support.evm.chains import OpenGate, on, text_words, wallet
from support.evm.machine import contracts
from support.real.node_servers import anvil, are_installed

from syncline.clock import SystemClock
from syncline.portfolios.abi import balance_of
from syncline.portfolios.address import checksummed
from syncline.portfolios.blocks import BlockRef
from syncline.portfolios.chain import Chain
from syncline.portfolios.moves import LastRead, Move, named, scan
from syncline.portfolios.reading import ChainRead, Reading, Wallet, read_wallets
from syncline.portfolios.settings import MULTICALL3, ChainSettings
from syncline.portfolios.tables import NATIVE
from syncline.portfolios.tokens import TokenFacts
from syncline.portfolios.views import BlockGoneError, Views, balance_view
from syncline.settings import Settings
from syncline.upstreams.budgeted import RequestBudget

pytestmark = pytest.mark.skipif(not are_installed(), reason="npm's packages are not installed here")
SUPPLY = 2**255 + 7


@dataclass
class Anvil:
    """An anvil with Multicall3, and gold that belongs to its first account."""

    url: str
    owner: str = ""
    gold: str = ""

    def ask(self, method: str, *params: object) -> Any:  # noqa: ANN401
        answer = httpx.post(self.url, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).json()
        assert "error" not in answer, answer
        return answer["result"]

    def prepare(self) -> None:
        self.ask("evm_setAutomine", False)  # a block of its own making may come after the answer
        self.owner = checksummed(self.ask("eth_accounts")[0][2:])
        made = self.send({"data": contracts()["multicall3"]})["contractAddress"]
        self.ask("anvil_setCode", MULTICALL3, self.ask("eth_getCode", made, "latest"))
        words = b"".join(word.to_bytes(32) for word in (0x80, 0xC0, SUPPLY, int(self.owner, 16)))
        code = contracts()["erc20"] + (words + text_words("Gold") + text_words("GLD")).hex()
        self.gold = checksummed(self.send({"data": code})["contractAddress"][2:])

    def send(self, transaction: dict[str, str]) -> Any:  # noqa: ANN401
        sent = self.ask("eth_sendTransaction", {"from": self.owner, "gas": hex(8_000_000), **transaction})
        self.ask("evm_mine")
        receipt = self.ask("eth_getTransactionReceipt", sent)
        assert receipt["status"] == "0x1", receipt
        return receipt

    def pay(self, receiver: str, amount: int) -> None:
        data = bytes.fromhex("a9059cbb") + bytes(12) + bytes.fromhex(receiver[2:]) + amount.to_bytes(32)
        self.send({"to": self.gold, "data": f"0x{data.hex()}"})

    def head(self) -> BlockRef:
        block = self.ask("eth_getBlockByNumber", "latest", False)
        return BlockRef(number=int(block["number"], 16), hash=block["hash"])

    def chain(self, **given: Any) -> Chain:  # noqa: ANN401
        settings = ChainSettings.model_validate({"rpc_url": self.url, "calls_per_second": 10_000, **given})
        budget = RequestBudget(gate=OpenGate())
        return Chain(31337, settings, Settings(), budget=budget, clock=SystemClock())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[Anvil]:
    with anvil(tmp_path_factory.mktemp("anvil")) as url:
        node = Anvil(url)
        node.prepare()
        yield node


@pytest.fixture
def node(served: Anvil) -> Generator[Anvil]:
    """As it was prepared, for one test."""
    kept = served.ask("evm_snapshot")
    yield served
    served.ask("evm_revert", kept)


def read(chain: Chain, *wallets: Wallet) -> ChainRead:
    return on(chain, lambda opened: read_wallets(opened, wallets))


def one(chain: Chain, asked: Wallet) -> Reading:
    return read(chain, asked).readings[asked.address]


@pytest.mark.parametrize("given", [{}, {"multicall": ""}, {"multicall_calls": 7}])
def test_balances_are_those_that_the_node_itself_tells(node: Anvil, given: dict[str, Any]) -> None:
    """To the last unit, by Multicall3 and by batches, with what the token says of itself; no code is no 0."""
    paid = {wallet(number): 2**200 + number for number in range(5)}
    for address, amount in paid.items():
        node.pay(address, amount)
        node.ask("anvil_setBalance", address, hex(amount + 1))
    chain = node.chain(tokens=[node.gold, wallet(77)], **given)
    found = read(chain, *(Wallet(address=address) for address in [*paid, node.owner]))
    assert chain.by_hash
    assert chain.proves_block is (given.get("multicall") != "")
    for address, reading in found.readings.items():
        call = {"to": node.gold, "data": f"0x{balance_of(address).hex()}"}
        assert reading.balances == {
            node.gold: int(node.ask("eth_call", call, "latest"), 16),
            NATIVE: int(node.ask("eth_getBalance", address, "latest"), 16),
        }
        assert set(reading.unknown) == {wallet(77)}
    assert found.readings[wallet(3)].balances[node.gold] == paid[wallet(3)]
    assert found.facts == [TokenFacts(token=node.gold, decimals=18, symbol="GLD")]
    assert found.block == node.head()


def test_moves_are_found_and_tokens_discovered(node: Anvil) -> None:
    """By its logs, and by coins."""
    since = node.head()
    node.pay(wallet(1), 5)
    node.pay(wallet(1), 6)
    node.send({"to": wallet(2), "value": hex(9)})
    coins = dict.fromkeys([wallet(number) for number in range(5)], LastRead(coins=0))
    found = on(node.chain(log_blocks=2), lambda chain: scan(chain, coins, since=since))
    gold = frozenset([node.gold])
    assert found.moved == {
        wallet(1): Move(tokens=gold, transfers=2),
        wallet(2): Move(tokens=frozenset([NATIVE])),
    }
    tokens = on(node.chain(), lambda chain: named(chain, [Wallet(address=one) for one in coins], until=found.block))
    assert tokens == {wallet(1): Move(tokens=gold, transfers=2)}


def test_a_reorganization_and_a_revert_are_noticed(node: Anvil) -> None:
    """What was read at blocks that are gone is void, and the wallet is read at those that took their place."""
    start, kept = node.head(), node.ask("evm_snapshot")
    node.pay(wallet(1), 5)
    node.pay(wallet(1), 6)
    before = one(node.chain(tokens=[node.gold]), Wallet(address=wallet(1)))
    assert before.balances[node.gold] == 11
    node.ask("anvil_reorg", 1, [])
    asked = Wallet(address=wallet(1), held=frozenset([node.gold]), seen=before.block)
    reorganized = one(node.chain(), asked)
    assert (reorganized.balances[node.gold], reorganized.reorged) == (5, True)
    node.ask("evm_revert", kept)
    reverted = one(node.chain(), asked)
    assert (reverted.balances[node.gold], reverted.reorged, reverted.block) == (0, True, start)
    coins = {wallet(1): LastRead(coins=0)}
    assert on(node.chain(), lambda chain: scan(chain, coins, since=before.block)).reorged


@pytest.mark.parametrize("given", [{}, {"multicall": ""}])
def test_a_block_that_vanishes_is_not_read(node: Anvil, given: dict[str, Any]) -> None:
    """Between the head and the balances the chain is replaced: the node says so, whatever its words."""
    node.pay(wallet(1), 5)

    async def reading(chain: Chain) -> None:
        views = Views(chain=chain, block=await chain.head())
        node.ask("anvil_reorg", 1, [])
        with pytest.raises(BlockGoneError):
            await views.look([balance_view(wallet(1), node.gold), balance_view(wallet(1), NATIVE)])

    on(node.chain(**given), reading)
