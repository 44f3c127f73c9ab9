"""Chains as the product reads them, through its own client, at nodes that stand where the network begins."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import httpx

from support.evm.machine import ALICE, Evm, constants, contracts
from support.evm.node import EvmNode
from syncline.clock import Clock, ManualClock, Steady
from syncline.model.budgets import BudgetKey
from syncline.model.policies import Priority
from syncline.portfolios.abi import DECIMALS, SYMBOL, balance_of
from syncline.portfolios.address import checksummed
from syncline.portfolios.chain import Chain
from syncline.portfolios.settings import MULTICALL3, ChainSettings
from syncline.resilience.budget_state import Denied, Granted
from syncline.settings import Settings
from syncline.upstreams.budgeted import RequestBudget

__all__ = ["OpenGate", "World", "chain_at", "on", "text_words", "wallet"]

T = TypeVar("T")
_BALANCE = balance_of(ALICE)[:4]
_TRANSFER = bytes.fromhex("a9059cbb")


@dataclass
class OpenGate:
    """Budgets that admit everything, and note what they are asked.

    Attributes:
        costs: what each request cost.
        blocks: until when the budgets were blocked, one after the other.
    """

    costs: list[int] = field(default_factory=list[int])
    blocks: list[datetime] = field(default_factory=list[datetime])

    def acquire(
        self,
        keys: Sequence[BudgetKey],
        *,
        cost: int = 1,
        priority: Priority = Priority.NORMAL,
        under_way_seconds: float = 0,
    ) -> Granted | Denied:
        del keys, priority, under_way_seconds
        self.costs.append(cost)
        return Granted()

    def settle(self, keys: Sequence[BudgetKey], granted: Granted, *, answered: Steady) -> None: ...

    def block(self, keys: Sequence[BudgetKey], *, until: datetime) -> None:
        del keys
        self.blocks.append(until)

    def learn(self, key: BudgetKey, *, remaining: int, until: datetime) -> None: ...


def chain_at(
    node: Callable[[httpx.Request], httpx.Response],
    *,
    chain_id: int = 1,
    clock: Clock | None = None,
    gate: OpenGate | None = None,
    **given: Any,  # noqa: ANN401 - settings of a chain
) -> Chain:
    """A chain whose node is a function."""
    settings = ChainSettings.model_validate({"rpc_url": "http://node", "calls_per_second": 10_000, **given})
    budget = RequestBudget(gate=gate or OpenGate(), patience_seconds=30)
    clock = clock or ManualClock(datetime.fromisoformat("2026-01-22T10:00:00+00:00"))
    return Chain(chain_id, settings, Settings(), budget=budget, clock=clock, transport=httpx.MockTransport(node))


def on(chain: Chain, work: Callable[[Chain], Awaitable[T]]) -> T:
    """What `work` comes to on an opened chain."""

    async def working() -> T:
        async with chain:
            return await work(chain)

    return asyncio.run(working())


def wallet(number: int) -> str:
    """One of any number of wallets."""
    return checksummed(f"{number + 0xA11CE00000000000:040x}")


def text_words(text: str) -> bytes:
    """A short string as the ABI has it, behind its offset."""
    return len(text).to_bytes(32) + text.encode().ljust(32, b"\0")


class World:
    """A machine with Multicall3 and some tokens, that goes back to how it was made.

    Attributes:
        gold: an ERC-20 of OpenZeppelin's, of which Alice has 2**255 + 7.
        old: a token with 32 bytes as its symbol.
        rude: one that says nothing of itself; of it, everybody has 5.
        liar: one that says that it has 255 decimals, and a symbol of rubbish.
        broken: one whose balances revert.
        short: one that answers with 31 bytes.
        greedy: one whose balances use up all gas.
        nothing: an address without code.
    """

    def __init__(self, *, salt: str = "") -> None:
        self.evm = evm = Evm(salt=salt)
        evm.deploy(contracts()["multicall3"], at=MULTICALL3)
        supply = (0x80, 0xC0, 2**255 + 7, int(ALICE, 16))
        self.gold = self._at(evm.deploy(contracts()["erc20"], *supply, text_words("Gold"), text_words("GLD")))
        five = (5).to_bytes(32)
        self.old = self._put(
            1, constants({DECIMALS: (9).to_bytes(32), SYMBOL: b"MKR".ljust(32, b"\0"), _BALANCE: five})
        )
        self.rude = self._put(2, constants({_BALANCE: five}))
        rubbish = (32).to_bytes(32) + (2).to_bytes(32) + b"\xff\xfe".ljust(32, b"\0")
        self.liar = self._put(3, constants({DECIMALS: (255).to_bytes(32), SYMBOL: rubbish, _BALANCE: five}))
        self.broken = self._put(4, constants({_BALANCE: None}))
        self.short = self._put(5, constants({_BALANCE: b"\1" * 31}))
        self.greedy = self._put(6, constants({}, burns=[_BALANCE]))
        self.nothing = checksummed(f"{0xDEAD:040x}")
        evm.mine(3)
        self._made = len(evm.blocks)

    def reset(self) -> None:
        """Take back what a test did."""
        self.evm.take_back(len(self.evm.blocks) - self._made)

    def node(self, **given: Any) -> EvmNode:  # noqa: ANN401 - how the node differs
        return EvmNode(evm=self.evm, **given)

    def pay(self, receiver: str, amount: int, *, sender: str = ALICE) -> None:
        """Move gold in the next block."""
        data = _TRANSFER + bytes(12) + bytes.fromhex(receiver[2:]) + amount.to_bytes(32)
        self.evm.send(sender, self.gold, data)

    def _put(self, number: int, code: bytes) -> str:
        address = checksummed(f"{number + 0x70CE000:040x}")
        self.evm.install(address, code)
        return address

    @staticmethod
    def _at(address: str) -> str:
        return checksummed(address[2:])
