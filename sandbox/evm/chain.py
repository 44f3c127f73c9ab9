from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from threading import RLock

from sandbox.clock import Clock
from sandbox.dice import dice
from sandbox.evm.address import ZERO
from sandbox.evm.ledger import NONCE, Ledger
from sandbox.evm.moves import Moves, Transfer
from sandbox.evm.tokens import Token

FIRST_BLOCK = 20_000_000
OLD_BLOCKS = 60
"""So many blocks there are at the start; the first third of them gives the wallets what they have."""
KEPT_BLOCKS = 20_000
"""Older ones are forgotten, with their logs."""
KEPT_ORPHANS = 1000
"""So many of the blocks that were replaced are remembered."""
BLOCK_SECONDS = 12
"""Between the blocks of the start."""


@dataclass(frozen=True, kw_only=True)
class Log:
    """A `Transfer` event: of all tokens, but not of the chain's own coin, which leaves none."""

    transfer: Transfer
    transaction: str
    """The transaction's hash."""
    place: int
    """Among the block's logs."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block; its balances stand in the ledger."""

    number: int
    hash: str
    parent_hash: str
    time: int
    """Seconds since 1970, above the parent's."""
    logs: tuple[Log, ...]
    transactions: tuple[str, ...]
    """Their hashes."""


class Chain:
    """The blocks of one chain, the newest of which may be replaced; the same for the same seed, until it is changed.

    Every method may be called from any thread; hold `lock` to have several see the same blocks.
    """

    def __init__(
        self,
        chain_id: int,
        *,
        seed: int,
        wallets: Sequence[str],
        tokens: Sequence[Token],
        clock: Clock,
        kept: int = KEPT_BLOCKS,
    ) -> None:
        self.id = chain_id
        self.lock = RLock()
        self.tokens = {token.address: token for token in tokens}
        self.ledger = Ledger()
        self.moves = Moves(dice(seed, f"evm:{chain_id}"), wallets=wallets, tokens=tokens)
        self._seed = seed
        self._clock = clock
        self.kept = kept
        self._sealed = 0
        self._blocks: dict[int, Block] = {}
        self._numbers: dict[str, int] = {}
        self._orphans: deque[str] = deque(maxlen=KEPT_ORPHANS)
        self.oldest = self.head = FIRST_BLOCK - 1
        self._fill()

    def _fill(self) -> None:
        given, third = self.moves.first(), OLD_BLOCKS // 3
        began = self._clock() - timedelta(seconds=OLD_BLOCKS * BLOCK_SECONDS)
        self.oldest = FIRST_BLOCK
        for turn in range(OLD_BLOCKS):
            transfers = given[turn::third] if turn < third else self.moves.next(self.held)
            self._seal(transfers, began + timedelta(seconds=turn * BLOCK_SECONDS))

    @property
    def has_forgotten(self) -> bool:
        """Whether blocks of it are no longer known; before its first one nothing ever happened."""
        return self.oldest > FIRST_BLOCK

    def block(self, number: int) -> Block | None:
        """The block of a number; None where it is not there, or no longer known."""
        return self._blocks.get(number)

    def by_hash(self, block_hash: str) -> Block | None:
        """The block of a hash, if it is part of the chain."""
        return self._blocks.get(self._numbers.get(block_hash, -1))

    def is_orphan(self, block_hash: str) -> bool:
        """Whether this was a block of the chain, and is none any more."""
        return block_hash in self._orphans

    def held(self, token: str, address: str) -> int:
        """How much of a token an address has now."""
        return self.ledger.latest((token, address))

    def mine(self, count: int = 1) -> None:
        """Add blocks in which wallets move, as chance has it."""
        with self.lock:
            for _ in range(count):
                self._seal(self.moves.next(self.held), self._clock())

    def pay(self, *transfers: Transfer) -> Block:
        """Add a block with these transfers and no other; raises ValueError where a sender has too little."""
        with self.lock:
            for transfer in transfers:
                if transfer.token not in self.tokens:
                    raise ValueError(f"{transfer.token} is no token of this chain")
            return self._seal(transfers, self._clock())

    def revert(self, depth: int) -> None:
        """Go back by so many blocks, as a node does that returns to a snapshot; raises ValueError for too many."""
        with self.lock:
            if not 0 < depth <= self.head - self.oldest:
                raise ValueError(f"the chain can go back by 1 to {self.head - self.oldest} blocks, not by {depth}")
            for number in range(self.head, self.head - depth, -1):
                gone = self._blocks.pop(number)
                del self._numbers[gone.hash]
                self._orphans.append(gone.hash)
                self.ledger.drop(number)
            self.head -= depth

    def reorganize(self, depth: int) -> None:
        """Replace the newest blocks by one more than they were, in which wallets move otherwise."""
        with self.lock:
            self.revert(depth)
            self.mine(depth + 1)

    def _seal(self, transfers: Sequence[Transfer], now: datetime) -> Block:
        number, parent = self.head + 1, self._blocks.get(self.head)
        self._sealed += 1
        block_hash = self._hash(f"block {self._sealed}")
        done: list[Transfer] = []
        try:
            for transfer in transfers:
                self._book(transfer, number)
                done.append(transfer)
        except ValueError:
            self.ledger.drop(number)
            raise
        hashes = tuple(self._hash(f"transaction {self._sealed} {turn}") for turn in range(len(done)))
        told = [(t, h) for t, h in zip(done, hashes, strict=True) if not self.tokens[t.token].is_native]
        block = Block(
            number=number,
            hash=block_hash,
            parent_hash=self._hash("genesis") if parent is None else parent.hash,
            time=max(int(now.timestamp()), 0 if parent is None else parent.time + 1),
            logs=tuple(Log(transfer=t, transaction=h, place=place) for place, (t, h) in enumerate(told)),
            transactions=hashes,
        )
        self._add(block)
        return block

    def _book(self, transfer: Transfer, number: int) -> None:
        sender, fee_slot = (transfer.token, transfer.sender), (ZERO, transfer.sender)
        if transfer.sender != ZERO:
            due = transfer.amount + (transfer.fee if transfer.token == ZERO else 0)
            if self.ledger.latest(sender) < due or self.ledger.latest(fee_slot) < transfer.fee:
                raise ValueError(f"{transfer.sender} has too little of {transfer.token}")
            self.ledger.add(sender, number, -transfer.amount)
            self.ledger.add(fee_slot, number, -transfer.fee)
            self.ledger.add((NONCE, transfer.sender), number, 1)
        self.ledger.add((transfer.token, transfer.receiver), number, transfer.amount)

    def _add(self, block: Block) -> None:
        self._blocks[block.number] = block
        self._numbers[block.hash] = block.number
        self.head = block.number
        while self.head - self.oldest >= self.kept:
            old = self._blocks.pop(self.oldest)
            del self._numbers[old.hash]
            self.oldest += 1
            self.ledger.settle(self.oldest)

    def _hash(self, what: str) -> str:
        return "0x" + sha256(f"{self._seed} {self.id} {what}".encode()).hexdigest()
