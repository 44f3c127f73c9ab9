"""What many wallets hold on one chain, all read at one block; a balance that could not be read is unknown, never 0."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from syncline.errors import SynclineError, UnavailableError
from syncline.portfolios.abi import read_word
from syncline.portfolios.blocks import Block, BlockRef
from syncline.portfolios.chain import Chain
from syncline.portfolios.rpc import together
from syncline.portfolios.tables import NATIVE
from syncline.portfolios.tokens import TokenFacts, read_facts
from syncline.portfolios.trouble import Failure
from syncline.portfolios.views import BlockGoneError, Seen, Views, balance_view

__all__ = ["ChainFailure", "ChainRead", "Reading", "Wallet", "read_chains", "read_wallets"]

_BACKS = (0, 2, 8)
"""How far below the head each attempt reads: a node that is behind the others may not know the newest blocks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wallet:
    """A wallet that is to be read on one chain.

    Attributes:
        address: with EIP-55's checksum.
        tokens: what is looked for beside its coins and the tokens that are set for the chain.
        held: tokens of which a balance is stored, or that its transfers name (`moves.named`): that there is none of
            them is believed at a second look.
        seen: the newest block of which balances are stored.
    """

    address: str
    tokens: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    seen: BlockRef | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What one wallet holds on one chain at one block.

    Attributes:
        wallet: its address.
        chain_id: the chain.
        block: the block.
        as_of: when it was read.
        balances: how much of each token, in its smallest unit; 0 is proven to be so.
        unknown: why the balance of a token is not known.
        reorged: whether the chain no longer has the block of which balances were stored: what it then held is void,
            also where this block has a lower number.
        transfers: how many transfers of its tokens were found since it was read before (`moves.named`); 0 where nobody
            searched.
    """

    wallet: str
    chain_id: int
    block: BlockRef
    as_of: datetime
    balances: Mapping[str, int]
    unknown: Mapping[str, str] = field(default_factory=dict[str, str])
    reorged: bool = False
    transfers: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainRead:
    """What was read of a chain.

    Attributes:
        chain_id: the chain.
        block: the block at which all was read.
        readings: one for each wallet, by address.
        facts: what tokens that were not known say of themselves.
    """

    chain_id: int
    block: BlockRef
    readings: Mapping[str, Reading]
    facts: Sequence[TokenFacts] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainFailure:
    """A chain of which nothing could be read.

    Attributes:
        chain_id: the chain.
        error: why; says also whether another try is worth it.
        as_of: when it was tried.
    """

    chain_id: int
    error: SynclineError
    as_of: datetime


_Pair: TypeAlias = tuple[str, str]
"""A wallet and a token."""


async def read_chains(
    wanted: Sequence[tuple[Chain, Sequence[Wallet]]], *, known: Mapping[int, Collection[str]]
) -> list[ChainRead | ChainFailure]:
    """Read wallets on several chains at once; one that fails harms no other. `known` are tokens by chain, as below."""

    async def read(chain: Chain, wallets: Sequence[Wallet]) -> ChainRead | ChainFailure:
        try:
            return await read_wallets(chain, wallets, known=known.get(chain.chain_id, ()))
        except SynclineError as error:
            return ChainFailure(chain_id=chain.chain_id, error=error, as_of=chain.clock.now())

    return await together(read(chain, wallets) for chain, wallets in wanted)


async def read_wallets(
    chain: Chain, wallets: Iterable[Wallet], *, known: Collection[str] = (), at: Block | None = None
) -> ChainRead:
    """Read the balances of `wallets` at one block, and what tokens that are not `known` say of themselves.

    The block is `at`, where it is given (`Chain.head` has just named it) and the chain still has it.

    A wallet that is named twice is read once. Nodes keep the state of some 128 blocks: some thousand wallets at a time
    are read well before theirs is gone.

    Raises:
        UpstreamError: the chain could not be read at all.
        DeferredError: its budget is spent, or a hold is in force.
        ConfigurationError: its settings lead to a node of another chain.
    """
    merged, said = _merged(wallets), ""
    for back in _BACKS:
        block = at if at is not None and not said else await chain.head(back=back)
        try:
            return await _read_at(chain, block, merged, known)
        except BlockGoneError as error:
            said = error.said
    message = f"{chain.name} lost the block that was read, {len(_BACKS)} times in a row: {said}"
    raise UnavailableError(message, upstream=chain.name)


async def _read_at(chain: Chain, block: Block, wallets: Sequence[Wallet], known: Collection[str]) -> ChainRead:
    views, as_of = Views(chain=chain, block=block), chain.clock.now()
    everywhere = {NATIVE, *chain.settings.tokens}
    asked = [(one.address, token) for one in wallets for token in sorted(everywhere | one.tokens | one.held)]
    found = await _balances(views, asked)
    await _look_again(views, found, [(one.address, token) for one in wallets for token in sorted(one.held)])
    held = {token for (_, token), balance in found.items() if isinstance(balance, int) and balance}
    facts = await read_facts(views, held - set(known))
    await views.confirm()
    by_wallet: dict[str, dict[str, int | str]] = {one.address: {} for one in wallets}
    for (wallet, token), balance in found.items():
        by_wallet[wallet][token] = balance
    void = await _void(chain, block.ref, {one.seen for one in wallets if one.seen is not None})
    readings = {
        one.address: Reading(
            wallet=one.address,
            chain_id=chain.chain_id,
            block=block.ref,
            as_of=as_of,
            balances={token: have for token, have in by_wallet[one.address].items() if isinstance(have, int)},
            unknown={token: why for token, why in by_wallet[one.address].items() if isinstance(why, str)},
            reorged=one.seen in void,
        )
        for one in wallets
    }
    return ChainRead(chain_id=chain.chain_id, block=block.ref, readings=readings, facts=facts)


async def _balances(views: Views, asked: Sequence[_Pair]) -> dict[_Pair, int | str]:
    seen = await views.look([balance_view(*pair) for pair in asked])
    return {pair: _balance(one) for pair, one in zip(asked, seen, strict=True)}


async def _look_again(views: Views, found: dict[_Pair, int | str], held: Sequence[_Pair]) -> None:
    """Ask once more, and singly, for what was held and now is gone or unknown: a row is deleted by proof alone.

    A contract may use up what the other calls of Multicall3 had to run on, and a node may answer 0 for what it lacks.
    """
    doubtful = [pair for pair in held if not isinstance(found[pair], int) or found[pair] == 0]
    if not doubtful:
        return
    for pair, one in zip(doubtful, await views.look_singly([balance_view(*pair) for pair in doubtful]), strict=True):
        again = _balance(one)
        if found[pair] == 0 and again != 0:
            again = again if isinstance(again, str) else f"the node says both 0 and {again}"
        found[pair] = again


def _balance(seen: Seen) -> int | str:
    """How much it is, or why that is not known."""
    if isinstance(seen, Failure):
        return seen.said
    balance = read_word(seen)
    return "the contract returned no number: there may be none at this address" if balance is None else balance


async def _void(chain: Chain, now_at: BlockRef, seen: set[BlockRef]) -> set[BlockRef | None]:
    """Those of the blocks `seen` before, at or above the present one, that the chain no longer has."""
    suspects = sorted((ref for ref in seen if ref.number >= now_at.number), key=lambda ref: ref.number)
    gone: set[BlockRef | None] = set()
    for ref in suspects:
        if ref != now_at and (ref.number == now_at.number or await chain.is_replaced(ref)):
            gone.add(ref)
    return gone


def _merged(wallets: Iterable[Wallet]) -> list[Wallet]:
    """Each wallet once, with the tokens that any of its accounts names, and the newest block seen."""
    found: dict[str, Wallet] = {}
    for one in wallets:
        other = found.get(one.address)
        if other is not None:
            refs = [ref for ref in (one.seen, other.seen) if ref is not None]
            seen = max(refs, key=lambda ref: ref.number, default=None)
            tokens, held = one.tokens | other.tokens, one.held | other.held
            one = Wallet(address=one.address, tokens=tokens, held=held, seen=seen)  # noqa: PLW2901 - the merged one
        found[one.address] = one
    return list(found.values())
