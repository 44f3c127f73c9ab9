"""Searching the logs of a chain for transfers of tokens, from many wallets and to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from syncline.errors import UnavailableError
from syncline.portfolios.abi import TRANSFER, topic_of, wallet_of_topic
from syncline.portfolios.address import checksummed
from syncline.portfolios.blocks import Block, BlockRef, read_block
from syncline.portfolios.chain import Chain
from syncline.portfolios.rpc import Call, Reply, together
from syncline.portfolios.trouble import Failure, Trouble
from syncline.portfolios.views import BlockGoneError

__all__ = ["Search"]

_TOPICS = 3
"""An ERC-20's transfer names itself, the sender and the receiver; one with a fourth topic is of a single thing."""


@dataclass(kw_only=True)
class Search:
    """Searches for transfers up to one block.

    Attributes:
        chain: the chain.
        until: the last block that is searched.
        may_miss: whether blocks are left out of which the node has no logs any more; else that is an error.
        counted_from: the first block whose transfers count for a wallet; those before only tell its tokens.
        tokens: those that were found, by wallet.
        transfers: how many of them count, by wallet.
    """

    chain: Chain
    until: BlockRef
    may_miss: bool = False
    counted_from: Mapping[str, int] = field(default_factory=dict[str, int])
    tokens: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    transfers: Counter[str] = field(default_factory=Counter[str])

    async def find(self, wallets: Sequence[str], first: int) -> None:
        """Find those of `wallets` from the block number `first` on."""
        span, most = self.chain.log_blocks.current, self.chain.log_wallets.current
        ranges = [(at, min(at + span - 1, self.until.number)) for at in range(first, self.until.number + 1, span)]
        groups = [wallets[at : at + most] for at in range(0, len(wallets), most)]
        await together(self._group(group, *blocks) for group in groups for blocks in ranges)

    async def _group(self, wallets: Sequence[str], first: int, last: int) -> None:
        """Search the blocks `first` to `last` for some wallets; less at once where it is too much for the node."""
        replies = await self._ask(wallets, first, last)
        failure = next((one for one in replies if isinstance(one, Failure)), None)
        if failure is None:
            self.chain.log_blocks.went_well(last - first + 1)
            self._take(wallets, replies)
        elif failure.trouble is Trouble.BLOCK:
            raise BlockGoneError(failure.said)
        elif failure.trouble is Trouble.PRUNED:
            await self._newer(wallets, first, last, failure)
        else:
            await self._halve(wallets, first, last, failure)

    async def _halve(self, wallets: Sequence[str], first: int, last: int, failure: Failure) -> None:
        """Search fewer blocks at once, or else for fewer wallets."""
        names_too_many = failure.trouble is Trouble.TOPICS and len(wallets) > 1
        if first < last and not names_too_many:
            self.chain.log_blocks.shrink(last - first + 1)
            middle = (first + last) // 2
            await self._group(wallets, first, middle)
            await self._group(wallets, middle + 1, last)
        elif failure.trouble is not Trouble.TOO_MUCH and not names_too_many:
            raise UnavailableError(f"{self.chain.name} does not tell of logs: {failure.said}", upstream=self.chain.name)
        elif len(wallets) == 1:
            self.tokens.setdefault(wallets[0], set())
        else:
            self.chain.log_wallets.shrink(len(wallets))
            half = len(wallets) // 2
            await self._group(wallets[:half], first, last)
            await self._group(wallets[half:], first, last)

    async def _newer(self, wallets: Sequence[str], first: int, last: int, failure: Failure) -> None:
        """Search the newer half of blocks of which the node lacks some logs, and so on, down to what it has."""
        if not self.may_miss:
            message = f"{self.chain.name} no longer has the logs that are to be searched: {failure.said}"
            raise UnavailableError(message, upstream=self.chain.name)
        middle = (first + last) // 2
        if first == last or middle < self.chain.logs_from:
            self.chain.logs_from = max(self.chain.logs_from, first + 1)
            return
        await self._group(wallets, middle + 1, last)
        if self.chain.logs_from <= middle:  # all of the newer half is there
            await self._group(wallets, first, middle)

    async def _ask(self, wallets: Sequence[str], first: int, last: int) -> list[Reply]:
        """The logs of transfers from the wallets, and of those to them.

        In the same batch stands the last block: a node that does not know it would leave out its logs, and not say so.
        """
        topics = [topic_of(wallet) for wallet in wallets]
        blocks = {"fromBlock": hex(first), "toBlock": hex(last)}
        sent, received, told = await self.chain.rpc.ask(
            [
                Call(method="eth_getLogs", params=({**blocks, "topics": [TRANSFER, topics]},)),
                Call(method="eth_getLogs", params=({**blocks, "topics": [TRANSFER, None, topics]},)),
                Call(method="eth_getBlockByNumber", params=(hex(self.until.number), False)),
            ]
        )
        block = read_block(told)
        if not isinstance(block, Block) or block.ref != self.until:
            raise BlockGoneError("the node does not know the last block that was to be searched")
        return [sent, received]

    def _take(self, wallets: Iterable[str], replies: Sequence[Reply]) -> None:
        """Count the logs; a transfer from one of the wallets to another one counts for both."""
        known = {wallet[2:].lower(): wallet for wallet in wallets}
        for place, reply in enumerate(replies, start=1):
            if not isinstance(reply, list):
                raise UnavailableError(f"{self.chain.name} answers with no list of logs", upstream=self.chain.name)
            for log in cast("list[Any]", reply):
                try:
                    wallet = known.get(wallet_of_topic(log["topics"][place]))
                    token, number = checksummed(log["address"][2:]), int(log["blockNumber"], 16)
                    counts = len(log["topics"]) == _TOPICS and not log.get("removed")
                except (TypeError, KeyError, IndexError, ValueError, AttributeError):
                    message = f"{self.chain.name} answers with logs that cannot be read"
                    raise UnavailableError(message, upstream=self.chain.name) from None
                if wallet is not None and counts:
                    self.tokens.setdefault(wallet, set()).add(token)
                    self.transfers[wallet] += number >= self.counted_from.get(wallet, 0)
