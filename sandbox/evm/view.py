"""The chain as one request sees it: up to a head that may be old, with some answers that are not true."""

from collections.abc import Callable, Iterator
from typing import cast

from sandbox.evm.chain import Block
from sandbox.evm.encoding import read_object, read_quantity
from sandbox.evm.ledger import NONCE
from sandbox.evm.problems import SERVER, CallError, invalid, no_header
from sandbox.evm.settings import Lie
from sandbox.evm.world import Node

SAFE_DEPTH, FINAL_DEPTH = 32, 64
MULTICALL3 = "0xca11bde05977b3631167028862be2a173976ca11"
_TAGS: dict[str, Callable[[int, int], int]] = {
    "latest": lambda _, head: head,
    "pending": lambda _, head: head,
    "safe": lambda oldest, head: max(oldest, head - SAFE_DEPTH),
    "finalized": lambda oldest, head: max(oldest, head - FINAL_DEPTH),
    "earliest": lambda oldest, _: oldest,
}


class View:
    """What a request sees; hold the chain's lock while it is used.

    Attributes:
        head: the newest block that is seen.
    """

    def __init__(self, node: Node, *, lag: int = 0, lies: Iterator[Lie] | None = None) -> None:
        self.node = node
        self.chain = node.chain
        self.settings = node.settings
        self.head = max(self.chain.oldest, self.chain.head - lag)
        self._lies: Iterator[Lie] = iter(()) if lies is None else lies

    def lie_about(self, *addresses: str) -> Lie | None:
        """What is said of a balance in place of the truth: as set for one of these addresses, else as ordered next."""
        lies = self.settings.lies
        told: Lie | None = next((lies[one] for one in addresses if one in lies), None) if lies else None
        return told or next(self._lies, None)

    def balance(self, token: str, holder: str, number: int) -> int:
        """How much of a token, or of the chain's own coin, an address had after a block."""
        return self.chain.ledger.at((token, holder), number)

    def nonce(self, holder: str, number: int) -> int:
        """How many transactions an address had sent."""
        return self.chain.ledger.at((NONCE, holder), number)

    def has_code(self, address: str) -> bool:
        """Whether a contract stands there."""
        known = self.chain.tokens.get(address)
        return (known is not None and not known.is_native) or (address == MULTICALL3 and self.settings.multicall)

    def seen(self, number: int) -> Block | None:
        """The block of a number, where this request sees it."""
        return self.chain.block(number) if number <= self.head else None

    def seen_by_hash(self, block_hash: str) -> Block | None:
        """The block of a hash, where this request sees it."""
        block = self.chain.by_hash(block_hash.lower())
        return block if block is not None and block.number <= self.head else None

    def number_of(self, value: object, place: int) -> int:
        """The number that a tag or a number names, whether or not there is such a block."""
        tag = _TAGS.get(value) if isinstance(value, str) else None
        return read_quantity(value, place) if tag is None else tag(self.chain.oldest, self.head)

    def block_at(self, value: object, place: int) -> int:
        """The number of the block at which a state is asked for, by tag, number or EIP-1898 object.

        Raises:
            CallError: there is no such block, or its state is gone.
        """
        named = isinstance(value, dict)
        number = self._named(cast("object", value), place) if named else self.number_of(value, place)
        block = self.seen(number)
        if block is None:
            raise no_header()
        if number <= self.chain.head - self.settings.state_blocks:
            raise CallError(SERVER, f"missing trie node {block.hash[2:]} (path ) state is not available")
        return number

    def _named(self, value: object, place: int) -> int:
        if not self.settings.eip1898:
            raise invalid(place, "json: cannot unmarshal object into Go value of type string")
        named = read_object(value, place)
        if "blockNumber" in named and "blockHash" not in named:
            return self.number_of(named["blockNumber"], place)
        if "blockNumber" in named or not isinstance(named.get("blockHash"), str):
            raise invalid(place, "cannot specify both BlockHash and BlockNumber, choose one or the other")
        block = self.seen_by_hash(str(named["blockHash"]))
        if block is not None:
            return block.number
        orphan = self.chain.is_orphan(str(named["blockHash"]).lower()) and named.get("requireCanonical") is True
        raise no_header("hash is not currently canonical" if orphan else "header for hash not found")
