from collections import Counter
from typing import Any

import msgspec

from sandbox.clock import Clock, utc_now
from sandbox.dice import dice
from sandbox.evm.address import checksummed
from sandbox.evm.chain import Chain
from sandbox.evm.settings import Settings
from sandbox.evm.tokens import TOKENS
from sandbox.windows import Window

WITHOUT_MULTICALL = 8453


class Node:
    """The node of one chain: how it behaves, and what it was asked.

    Attributes:
        calls: how often each method was called that the quota admitted, `aggregate3` as one.
    """

    def __init__(self, chain: Chain, *, seed: int, clock: Clock) -> None:
        self.chain = chain
        self.clock = clock
        self.settings = Settings(multicall=chain.id != WITHOUT_MULTICALL)
        self.window = Window()
        self.calls: Counter[str] = Counter()
        self.chance = dice(seed, f"evm:{chain.id}:order")

    def admits(self, calls: int) -> bool:
        """Whether the quota has room for so many calls, which then are counted."""
        settings = self.settings
        return self.window.take(
            self.clock(), limit=settings.calls_limit, seconds=settings.window_seconds, cost=calls
        )  # fmt: skip

    def forget(self) -> None:
        """Forget what was asked, and what the quota admitted."""
        self.window = Window()
        self.calls.clear()

    def state(self) -> dict[str, Any]:
        """What `GET /sandbox/evm` shows of the chain."""
        chain, window = self.chain, self.window
        with chain.lock:
            block = chain.block(chain.head)
            tokens = [
                {"address": checksummed(one.address), "symbol": one.symbol, "decimals": one.decimals}
                for one in chain.tokens.values()
            ]
            return {
                "head": chain.head,
                "hash": None if block is None else block.hash,
                "settings": msgspec.to_builtins(self.settings),
                "calls": dict(self.calls),
                "admitted": window.admitted,
                "refused": window.refused,
                "fullest": window.fullest,
                "tokens": tokens,
            }


class Evm:
    """Two chains, one of them without Multicall3, and the same wallets on both."""

    def __init__(self, *, seed: int, wallets: int, clock: Clock = utc_now) -> None:
        chance = dice(seed, "evm:wallets")
        self.wallets = [f"0x{chance.getrandbits(160):040x}" for _ in range(wallets)]
        """In lower case."""
        self.nodes = {
            chain_id: Node(
                Chain(chain_id, seed=seed, wallets=self.wallets, tokens=tokens, clock=clock), seed=seed, clock=clock
            )
            for chain_id, tokens in TOKENS.items()
        }

    def __getitem__(self, chain_id: int) -> Node:
        return self.nodes[chain_id]

    def tick(self) -> None:
        """A block for each chain."""
        for node in self.nodes.values():
            node.chain.mine()

    def listed(self) -> list[dict[str, Any]]:
        """The wallets with their checksums, the busiest first, and in which part of the blocks each moves."""
        rates = {
            wallet: {str(chain_id): node.chain.moves.rates[wallet] for chain_id, node in self.nodes.items()}
            for wallet in self.wallets
        }
        busiest = sorted(self.wallets, key=lambda wallet: -sum(rates[wallet].values()))
        return [{"address": checksummed(wallet), "moves_per_block": rates[wallet]} for wallet in busiest]
