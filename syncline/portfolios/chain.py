"""One chain, read through its node: what the node can do is found out once, then blocks and contracts are looked at."""

from __future__ import annotations

from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import httpx

from syncline.clock import Clock, SystemClock
from syncline.errors import ConfigurationError, UnavailableError
from syncline.kernel_settings import KernelSettings
from syncline.portfolios.abi import TIMESTAMP, aggregate3, read_aggregate3, read_word
from syncline.portfolios.blocks import Block, BlockRef, bytes_of, quantity, read_block
from syncline.portfolios.node import SlowDown, chain_upstream, most_calls, node_client
from syncline.portfolios.rpc import Call, Reply, Rpc
from syncline.portfolios.settings import ChainSettings, chain_setting
from syncline.portfolios.size import Size
from syncline.portfolios.trouble import Failure, Trouble
from syncline.upstreams.budgeted import RequestBudget

__all__ = ["Chain"]

_NO_BLOCK = BlockRef(number=0, hash=f"0x{'ee' * 32}")
"""A block that is nowhere: a node that carries out a call there does not heed the block's hash."""
_LOOKS = 3
"""So often a block that a node does not know is asked for, before it is believed to be gone."""


class Chain:
    """A chain and what is known of its node; an async context manager. Keep it for many reads: it learns.

    Attributes:
        chain_id: the chain's number.
        settings: what is set for it.
        clock: the time.
        rpc: its node.
        by_hash: whether the node takes a block's hash in place of its number (EIP-1898).
        multicall: the address of Multicall3; empty where the chain has none that works.
        proves_block: whether Multicall3 tells the time of the block at which it is carried out.
        multicall_size: how many calls Multicall3 makes at once.
        log_blocks: how many blocks are searched for logs at once.
        log_wallets: how many wallets are searched for at once.
        logs_from: the node has no logs of blocks before this number, as far as is known.
    """

    def __init__(
        self,
        chain_id: int,
        given: ChainSettings,
        settings: KernelSettings,
        *,
        budget: RequestBudget,
        clock: Clock | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Speak to the node that `given` names, as `budget` permits; `transport` replaces the network.

        Raises:
            ConfigurationError: the node's URL cannot be used.
        """
        self.chain_id, self.settings, self.clock = chain_id, given, clock or SystemClock()
        upstream = chain_upstream(chain_id, given)
        self._client = node_client(upstream, given, settings, budget=budget, clock=self.clock, transport=transport)
        slow_down = SlowDown(upstream=upstream, budget=budget, clock=self.clock)
        self.rpc = Rpc(self._client, batch_calls=most_calls(upstream, given), slow_down=slow_down)
        self.by_hash, self.multicall, self.proves_block = True, given.multicall, False
        self.multicall_size = Size(given.multicall_calls)
        self.log_blocks, self.log_wallets = Size(given.log_blocks), Size(1_000)
        self.logs_from = 0
        self._is_known = False
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._client)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def name(self) -> str:
        """As errors name it."""
        return self.rpc.name

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return self._client.requests

    async def head(self, *, back: int = 0) -> Block:
        """The block that is to be read: the newest one, less the confirmations and `back` more.

        The first time it is found out what the node can do.

        Raises:
            ConfigurationError: the node is one of another chain.
            UpstreamError: it cannot be asked, or does not say.
        """
        below = self.settings.confirmations + back
        block = read_block(await self.rpc.one("eth_getBlockByNumber", "latest", False))
        if isinstance(block, Block) and below:
            block = await self.block_at(max(0, block.ref.number - below))
        if not isinstance(block, Block):
            said = block.said if isinstance(block, Failure) else "it names no block"
            raise UnavailableError(f"{self.name} does not say which block is the newest: {said}", upstream=self.name)
        if not self._is_known:
            self._is_known = await self._find_out(block)
        return block

    async def block_at(self, number: int) -> Block | None:
        """The block of this number; None where the node knows none.

        Raises:
            UpstreamError: the node cannot be asked, or fails.
        """
        return self._known(read_block(await self.rpc.one("eth_getBlockByNumber", hex(number), False)))

    async def is_replaced(self, ref: BlockRef) -> bool:
        """Whether the chain no longer has this block: another one took its place, or it was reverted.

        Several nodes may stand behind one address, of which some are behind: one that does not know the block proves
        nothing, if another knows it.
        """
        for _ in range(_LOOKS):
            block = await self.block_at(ref.number)
            if block is not None:
                return block.ref != ref
        return True

    def _known(self, block: Block | Failure | None) -> Block | None:
        if isinstance(block, Failure):
            raise UnavailableError(f"{self.name} does not tell of a block: {block.said}", upstream=self.name)
        return block

    async def _find_out(self, block: Block) -> bool:
        """Which chain it is, whether the node heeds a block's hash, and whether Multicall3 is there.

        False: the node did not say all of it, and is asked again at the next head.
        """
        here, nowhere = block.ref.param(by_hash=True), _NO_BLOCK.param(by_hash=True)
        zero = f"0x{'0' * 40}"
        chain_id, at_hash, at_nothing = await self.rpc.ask(
            [
                Call(method="eth_chainId"),
                Call(method="eth_getBalance", params=(zero, here)),
                Call(method="eth_getBalance", params=(zero, nowhere)),
            ]
        )
        self._check_id(chain_id)
        takes_hash = quantity(at_hash) is not None or _is_trouble(at_hash, Trouble.BLOCK)
        self.by_hash = takes_hash and quantity(at_nothing) is None
        return not self.multicall or await self._try_multicall(block)

    def _check_id(self, reply: Reply) -> None:
        found, setting = quantity(reply), chain_setting(self.chain_id, "rpc_url")
        if found is None:
            said = reply.said if isinstance(reply, Failure) else "its answer is no number"
            raise UnavailableError(f"{self.name} does not say which chain it is: {said}", upstream=self.name)
        if found != self.chain_id:
            raise ConfigurationError(
                f"{setting} leads to a node of chain {found}, not of chain {self.chain_id}: set the URL of a node of "
                f"chain {self.chain_id}, or name the settings SYNCLINE_CHAINS__{found}__…"
            )

    async def _try_multicall(self, block: Block) -> bool:
        """Have Multicall3 tell the block's time; where it cannot, balances are asked for one by one.

        False: nothing is known, for the node failed.
        """
        call = {"to": self.multicall, "data": f"0x{aggregate3([(self.multicall, TIMESTAMP)]).hex()}"}
        reply = await self.rpc.one("eth_call", call, block.ref.param(by_hash=self.by_hash))
        if _is_trouble(reply, Trouble.BLOCK, Trouble.MISSING, Trouble.OTHER):
            return False
        try:
            (told,) = read_aggregate3(bytes_of(reply) or b"", 1)
        except ValueError:
            self.multicall = ""
        else:
            self.proves_block = read_word(told) == block.timestamp
        return True


def _is_trouble(reply: Reply, *troubles: Trouble) -> bool:
    return isinstance(reply, Failure) and reply.trouble in troubles
