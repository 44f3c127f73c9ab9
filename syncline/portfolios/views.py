"""Looking at many contracts and balances at one block: by Multicall3 in one call, or by a batch of calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from syncline.errors import UnavailableError
from syncline.portfolios.abi import TIMESTAMP, aggregate3, balance_of, ether_balance, read_aggregate3, read_word
from syncline.portfolios.blocks import Block, bytes_of, quantity
from syncline.portfolios.chain import Chain
from syncline.portfolios.rpc import Call, Reply, together
from syncline.portfolios.tables import NATIVE
from syncline.portfolios.trouble import Failure, Trouble

__all__ = ["BlockGoneError", "Seen", "View", "Views", "balance_view"]

Seen: TypeAlias = bytes | Failure
"""What a look came to: the bytes that a contract returned, or why there are none."""
_HOPELESS = 12
"""So many calls of Multicall3 fail one after the other, and none succeeds, before the rest is given up."""
_UNAVAILABLE = 2
"""So many calls that find the node unavailable are tried again in halves."""
_WORD = 32


class BlockGoneError(Exception):
    """The block at which was read is no longer the chain's, or the node no longer has its state: read another one."""

    def __init__(self, said: str) -> None:
        """Keep what the node `said`."""
        self.said = said
        super().__init__(said)


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """A call that changes nothing.

    Attributes:
        target: the contract; `NATIVE` for a wallet's own coins.
        data: the call, as Multicall3 takes it.
        wallet: whose coins are meant, if the target is `NATIVE`.
    """

    target: str
    data: bytes
    wallet: str = ""

    def pair(self, multicall: str) -> tuple[str, bytes]:
        """The call as a part of Multicall3's."""
        return (multicall if self.target == NATIVE else self.target, self.data)


def balance_view(wallet: str, token: str) -> View:
    """How much of `token` a `wallet` has."""
    if token == NATIVE:
        return View(target=NATIVE, data=ether_balance(wallet), wallet=wallet)
    return View(target=token, data=balance_of(wallet))


@dataclass(kw_only=True)
class Views:
    """Looks at one block of one chain.

    Attributes:
        chain: the chain.
        block: the block at which all is seen.
    """

    chain: Chain
    block: Block
    _failed_in_a_row: int = field(default=0, init=False)
    _failures: int = field(default=0, init=False)
    _unavailable: int = field(default=0, init=False)
    _has_succeeded: bool = field(default=False, init=False)

    async def look(self, views: Sequence[View]) -> list[Seen]:
        """What each of `views` came to, with as few requests as the chain permits.

        Raises:
            BlockGoneError: the block was replaced meanwhile.
            UpstreamError: the node cannot be asked.
            DeferredError: its budget is spent.
        """
        return await (self._aggregated(views) if self.chain.multicall else self.look_singly(views))

    async def look_singly(self, views: Sequence[View]) -> list[Seen]:
        """The same by a call for each, none of which can spoil another; raises as `look` does."""
        where = self.block.ref.param(by_hash=self.chain.by_hash)
        calls = [
            Call(method="eth_getBalance", params=(view.wallet, where))
            if view.target == NATIVE
            else Call(method="eth_call", params=({"to": view.target, "data": f"0x{view.data.hex()}"}, where))
            for view in views
        ]
        replies = await self.chain.rpc.ask(calls)
        self._check_block(replies)
        return [_seen(view, reply) for view, reply in zip(views, replies, strict=True)]

    async def confirm(self) -> None:
        """Check that the block is still the chain's, where the calls named its number alone.

        Raises:
            BlockGoneError: it is not.
        """
        if not self.chain.by_hash:
            found = await self.chain.block_at(self.block.ref.number)
            if found is None or found.ref != self.block.ref:
                raise BlockGoneError("the block was replaced while it was read")

    async def _aggregated(self, views: Sequence[View]) -> list[Seen]:
        size = self.chain.multicall_size.current
        pieces = [views[at : at + size] for at in range(0, len(views), size)]
        return [seen for found in await together(self._piece(piece) for piece in pieces) for seen in found]

    async def _piece(self, views: Sequence[View]) -> list[Seen]:
        """One call of Multicall3; halves of it where it fails, down to the view that spoils it."""
        reply = await self._call(views)
        if not isinstance(reply, Failure):
            self._failed_in_a_row, self._has_succeeded = 0, True
            self.chain.multicall_size.went_well(len(views))
            return reply
        self._failed_in_a_row, self._failures = self._failed_in_a_row + 1, self._failures + 1
        is_hopeless = self._failed_in_a_row >= _HOPELESS and not self._has_succeeded
        if len(views) == 1 or is_hopeless:
            return [reply] * len(views)
        half, failures = len(views) // 2, self._failures
        seen = [*await self._piece(views[:half]), *await self._piece(views[half:])]
        if self._failures == failures:  # else one contract is to blame, and not their number
            self.chain.multicall_size.shrink(len(views))
        return seen

    async def _call(self, views: Sequence[View]) -> list[Seen] | Failure:
        """What Multicall3 came to for each of `views`, or why it came to nothing."""
        multicall, proof = self.chain.multicall, int(self.chain.proves_block)
        pairs = [(multicall, TIMESTAMP)] * proof + [view.pair(multicall) for view in views]
        call = {"to": multicall, "data": f"0x{aggregate3(pairs).hex()}"}
        try:
            reply = await self.chain.rpc.one("eth_call", call, self.block.ref.param(by_hash=self.chain.by_hash))
        except UnavailableError as error:  # it may have taken the node too long
            self._unavailable += 1
            if self._unavailable > _UNAVAILABLE or len(views) == 1:
                raise
            return Failure(trouble=Trouble.OTHER, said=str(error))
        self._check_block([reply])
        if isinstance(reply, Failure):
            return reply
        try:
            results = read_aggregate3(bytes_of(reply) or b"", len(pairs))
        except ValueError:
            return Failure(trouble=Trouble.OTHER, said="the answer of Multicall3 is cut, or none")
        if proof and read_word(results[0]) != self.block.timestamp:
            raise BlockGoneError("the node read another block than it was asked for")
        failed = Failure(trouble=Trouble.REVERTED, said="the contract's call failed")
        return [failed if found is None else found for found in results[proof:]]

    def _check_block(self, replies: Sequence[Reply]) -> None:
        gone = next((one for one in replies if isinstance(one, Failure) and one.trouble is Trouble.BLOCK), None)
        if gone is not None:
            raise BlockGoneError(gone.said)


def _seen(view: View, reply: Reply) -> Seen:
    """What one call came to; a coin's balance is a number, and is made the word that Multicall3 would return."""
    if isinstance(reply, Failure):
        return reply
    if view.target == NATIVE:
        balance = quantity(reply)
        found = None if balance is None else balance.to_bytes(_WORD)
    else:
        found = bytes_of(reply)
    return Failure(trouble=Trouble.OTHER, said="the answer is no hexadecimal") if found is None else found
