"""Which of many wallets moved since a block: by the transfers of all tokens, and by their coins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from syncline.errors import UnavailableError
from syncline.portfolios.abi import TRANSFER, read_word, topic_of, wallet_of_topic
from syncline.portfolios.address import checksummed
from syncline.portfolios.blocks import Block, BlockRef, read_block
from syncline.portfolios.chain import Chain
from syncline.portfolios.rpc import Call, Reply, together
from syncline.portfolios.tables import NATIVE
from syncline.portfolios.trouble import Failure, Trouble
from syncline.portfolios.views import BlockGoneError, Views, balance_view

__all__ = ["Move", "Scan", "discover", "scan"]

_BACKS = (0, 2, 8)
"""How far below the head each attempt searches."""
_TOPICS = 3
"""An ERC-20's transfer names itself, the sender and the receiver; one with a fourth topic is of a single thing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """That a wallet moved, or may have.

    Attributes:
        tokens: those that its transfers name; `NATIVE` where its coins changed.
        transfers: how many transfers of tokens there were, to it and from it.
    """

    tokens: frozenset[str] = frozenset()
    transfers: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """What a search came to.

    Attributes:
        chain_id: the chain.
        since: the block up to which was searched before; None: never.
        block: the block up to which is searched now: store it with what is done about the moves.
        moved: the wallets that moved, by address; all of them where `reorged` is true, or nothing was searched before.
        reorged: whether the chain no longer has `since`: what was read at it and at blocks before may be void.
    """

    chain_id: int
    since: BlockRef | None
    block: BlockRef
    moved: Mapping[str, Move]
    reorged: bool = False


async def scan(chain: Chain, coins: Mapping[str, int | None], *, since: BlockRef | None) -> Scan:
    """Find which wallets moved between `since` and the head.

    `coins` are the wallets, by address, with how many coins each had when it was last read; None: not known, it counts
    as moved. A wallet that moved is to be read (`reading.read_wallets`). Balances that change without a transfer, such
    as interest, are not found.

    Raises:
        UpstreamError: the chain could not be searched; nothing may be concluded.
        DeferredError: its budget is spent, or a hold is in force.
    """
    said = ""
    for back in _BACKS:
        block = await chain.head(back=back)
        try:
            return await _scan_to(chain, block, coins, since)
        except BlockGoneError as error:
            said = error.said
    message = f"{chain.name} lost the block that was searched, {len(_BACKS)} times in a row: {said}"
    raise UnavailableError(message, upstream=chain.name)


async def discover(chain: Chain, wallets: Sequence[str], *, until: BlockRef) -> Mapping[str, frozenset[str]]:
    """The tokens that transfers of each of `wallets` name, in the blocks of `LOOKBACK_BLOCKS` up to `until`.

    For wallets that are seen for the first time. A node that keeps no logs so old is searched as far as it has them.
    Raises as `scan` does.
    """
    first = max(0, until.number - chain.settings.lookback_blocks + 1)
    if not chain.settings.lookback_blocks or not wallets:
        return {}
    try:
        found = await _Search(chain=chain, until=until, may_miss=True).transfers(wallets, max(first, chain.logs_from))
    except BlockGoneError as error:
        message = f"{chain.name} lost the block up to which was searched: {error.said}"
        raise UnavailableError(message, upstream=chain.name) from None
    return {wallet: move.tokens for wallet, move in found.items()}


async def _scan_to(chain: Chain, block: Block, coins: Mapping[str, int | None], since: BlockRef | None) -> Scan:
    reorged = since is not None and await _is_void(chain, since, block.ref)
    if since is None or reorged:
        everybody = dict.fromkeys(coins, Move())
        return Scan(chain_id=chain.chain_id, since=since, block=block.ref, moved=everybody, reorged=reorged)
    if since.number >= block.ref.number:  # the node is behind, or nothing has happened
        unread = {wallet: Move() for wallet, had in coins.items() if had is None}
        return Scan(chain_id=chain.chain_id, since=since, block=since, moved=unread)
    moved = dict(await _Search(chain=chain, until=block.ref).transfers(list(coins), since.number + 1))
    for wallet in await _changed_coins(chain, block, coins):
        move = moved.get(wallet, Move())
        moved[wallet] = Move(tokens=move.tokens | {NATIVE}, transfers=move.transfers)
    return Scan(chain_id=chain.chain_id, since=since, block=block.ref, moved=moved)


async def _is_void(chain: Chain, since: BlockRef, head: BlockRef) -> bool:
    """Whether the chain no longer has `since`; a node that is behind the others does not know it either."""
    return since != head and (since.number == head.number or await chain.is_replaced(since))


async def _changed_coins(chain: Chain, block: Block, coins: Mapping[str, int | None]) -> list[str]:
    """The wallets whose coins are not as many as they were, or whose number is not known."""
    views = Views(chain=chain, block=block)
    seen = await views.look([balance_view(wallet, NATIVE) for wallet in coins])
    await views.confirm()
    found = zip(coins.items(), seen, strict=True)
    return [wallet for (wallet, had), one in found if isinstance(one, Failure) or had is None or read_word(one) != had]


@dataclass(kw_only=True)
class _Search:
    """Searches for transfers up to one block.

    Attributes:
        chain: the chain.
        until: the last block that is searched.
        found: how often each wallet was found, by token.
        may_miss: whether blocks are left out of which the node has no logs any more; else that is an error.
        unclear: wallets of which too many transfers stand in one block to be told.
    """

    chain: Chain
    until: BlockRef
    may_miss: bool = False
    found: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    unclear: set[str] = field(default_factory=set[str])

    async def transfers(self, wallets: Sequence[str], first: int) -> Mapping[str, Move]:
        """The moves of `wallets` from the block number `first` on."""
        span, most = self.chain.log_blocks.current, self.chain.log_wallets.current
        ranges = [(at, min(at + span - 1, self.until.number)) for at in range(first, self.until.number + 1, span)]
        groups = [wallets[at : at + most] for at in range(0, len(wallets), most)]
        await together(self._group(group, *blocks) for group in groups for blocks in ranges)
        moves = {
            wallet: Move(tokens=frozenset(tokens), transfers=tokens.total()) for wallet, tokens in self.found.items()
        }
        return {wallet: Move() for wallet in self.unclear} | moves

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
            self.unclear.update(wallets)
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
                    wallet, token = known.get(wallet_of_topic(log["topics"][place])), checksummed(log["address"][2:])
                    counts = len(log["topics"]) == _TOPICS and not log.get("removed")
                except (TypeError, KeyError, IndexError, ValueError, AttributeError):
                    message = f"{self.chain.name} answers with logs that cannot be read"
                    raise UnavailableError(message, upstream=self.chain.name) from None
                if wallet is not None and counts:
                    self.found.setdefault(wallet, Counter())[token] += 1
