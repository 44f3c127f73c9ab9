"""Which of many wallets moved since a block: by the transfers of all tokens, and by their coins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from syncline.errors import UnavailableError
from syncline.portfolios.abi import read_word
from syncline.portfolios.blocks import Block, BlockRef, read_block
from syncline.portfolios.chain import Chain
from syncline.portfolios.reading import Wallet
from syncline.portfolios.rpc import Call
from syncline.portfolios.tables import NATIVE
from syncline.portfolios.transfers import Search
from syncline.portfolios.trouble import Failure
from syncline.portfolios.views import BlockGoneError, Views, balance_view

__all__ = ["LastRead", "Move", "Scan", "named", "scan"]

_BACKS = (0, 2, 8)
"""How far below the head each attempt searches."""
_REPLACED = 64
"""So many blocks before the last read are searched again: a reorganization may have put other transfers there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """That a wallet moved, or may have.

    Attributes:
        tokens: those that its transfers name; `NATIVE` where its coins changed. None, where a block holds more of its
            transfers than the node tells.
        transfers: how many transfers of tokens there were, to it and from it.
    """

    tokens: frozenset[str] = frozenset()
    transfers: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class LastRead:
    """What is stored of a wallet.

    Attributes:
        coins: how many it had; None: that is not known, or something of it is stale.
        seen: the blocks at which it was read last: of several accounts several.
    """

    coins: int | None
    seen: frozenset[BlockRef] = frozenset()


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


async def scan(chain: Chain, wallets: Mapping[str, LastRead], *, since: BlockRef | None) -> Scan:
    """Find which wallets, by address, moved between `since` and the head; they are to be read.

    One of which something is not known counts as moved, and so does one that was read at a block which the chain has
    replaced. Balances that change without a transfer, such as interest, are not found.

    Raises:
        UpstreamError: the chain could not be searched; nothing may be concluded.
        DeferredError: its budget is spent, or a hold is in force.
    """
    said = ""
    for back in _BACKS:
        block = await chain.head(back=back)
        try:
            return await _scan_to(chain, block, wallets, since)
        except BlockGoneError as error:
            said = error.said
    message = f"{chain.name} lost the block that was searched, {len(_BACKS)} times in a row: {said}"
    raise UnavailableError(message, upstream=chain.name)


async def named(chain: Chain, wallets: Sequence[Wallet], *, until: BlockRef) -> Mapping[str, Move]:
    """What transfers say of each of `wallets` since it was last read, up to the block `until`, by address.

    Of one that is new: in the last `LOOKBACK_BLOCKS` blocks, as far as the node keeps their logs. Earlier blocks are
    never searched, and with 0 none is. A read must look for the tokens that are named here: nothing else finds those
    that a wallet did not have before.

    Raises:
        UpstreamError: the chain could not be searched; nothing may be concluded.
        DeferredError: its budget is spent, or a hold is in force.
    """
    counted_from: dict[str, int] = {}
    for one in wallets:
        first = 0 if one.seen is None else one.seen.number + 1
        counted_from[one.address] = min(first, counted_from.get(one.address, first))
    search = Search(chain=chain, until=until, may_miss=True, counted_from=counted_from)
    oldest = max(0, until.number - chain.settings.lookback_blocks + 1)
    new = [wallet for wallet, first in counted_from.items() if first == 0]
    known = [wallet for wallet, first in counted_from.items() if first]
    try:
        await search.find(new, max(oldest, chain.logs_from))
        if known:
            since = min(counted_from[wallet] for wallet in known) - _REPLACED
            await search.find(known, max(oldest, since, chain.logs_from))
    except BlockGoneError as error:
        message = f"{chain.name} lost the block up to which was searched: {error.said}"
        raise UnavailableError(message, upstream=chain.name) from None
    return _moves(search)


async def _scan_to(chain: Chain, block: Block, wallets: Mapping[str, LastRead], since: BlockRef | None) -> Scan:
    reorged = since is not None and await _is_void(chain, since, block.ref)
    if since is None or reorged:
        everybody = dict.fromkeys(wallets, Move())
        return Scan(chain_id=chain.chain_id, since=since, block=block.ref, moved=everybody, reorged=reorged)
    moved = {wallet: Move() for wallet in await _doubtful(chain, wallets, since)}
    if since.number >= block.ref.number:  # the node is behind, or nothing has happened
        return Scan(chain_id=chain.chain_id, since=since, block=since, moved=moved)
    search = Search(chain=chain, until=block.ref)
    await search.find(list(wallets), since.number + 1)
    moved |= _moves(search)
    for wallet in await _changed_coins(chain, block, wallets):
        move = moved.get(wallet, Move())
        moved[wallet] = Move(tokens=move.tokens | {NATIVE}, transfers=move.transfers)
    return Scan(chain_id=chain.chain_id, since=since, block=block.ref, moved=moved)


async def _doubtful(chain: Chain, wallets: Mapping[str, LastRead], since: BlockRef) -> list[str]:
    """The wallets that were read after `since`, at a block that the chain no longer has; and those not known."""
    later = sorted({ref.number for one in wallets.values() for ref in one.seen if ref.number > since.number})
    calls = [Call(method="eth_getBlockByNumber", params=(hex(number), False)) for number in later]
    found = map(read_block, await chain.rpc.ask(calls))
    there = {one.ref for one in found if isinstance(one, Block)}
    return [
        wallet
        for wallet, one in wallets.items()
        if one.coins is None or any(ref.number > since.number and ref not in there for ref in one.seen)
    ]


async def _is_void(chain: Chain, since: BlockRef, head: BlockRef) -> bool:
    """Whether the chain no longer has `since`; a node that is behind the others does not know it either."""
    return since != head and (since.number == head.number or await chain.is_replaced(since))


async def _changed_coins(chain: Chain, block: Block, wallets: Mapping[str, LastRead]) -> list[str]:
    """The wallets that do not have as many coins as they had, as far as that is known."""
    views = Views(chain=chain, block=block)
    seen = await views.look([balance_view(wallet, NATIVE) for wallet in wallets])
    await views.confirm()
    found = zip(wallets.items(), seen, strict=True)
    return [wallet for (wallet, had), one in found if isinstance(one, Failure) or read_word(one) != had.coins]


def _moves(search: Search) -> dict[str, Move]:
    """What was found, by wallet."""
    return {
        wallet: Move(tokens=frozenset(tokens), transfers=search.transfers[wallet])
        for wallet, tokens in search.tokens.items()
    }
