"""Blocks as nodes tell of them, and how a call names the one at which it is carried out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from syncline.portfolios.rpc import Reply
from syncline.portfolios.trouble import Failure

__all__ = ["Block", "BlockRef", "bytes_of", "quantity", "read_block"]

_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
_BYTES = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockRef:
    """A block of a chain: two blocks of one number are one where their hashes are the same.

    Attributes:
        number: its place in the chain.
        hash: of all that is in it, in small letters.
    """

    number: int
    hash: str

    def __str__(self) -> str:
        """As it is stored: `123:0x…`."""
        return f"{self.number}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> BlockRef:
        """The block that `str` of one has written."""
        number, _, digest = text.partition(":")
        return cls(number=int(number), hash=digest)

    def param(self, *, by_hash: bool) -> str | Mapping[str, Any]:
        """How a call names it: by its hash, which the node must not have replaced (EIP-1898), or by its number."""
        return {"blockHash": self.hash, "requireCanonical": True} if by_hash else hex(self.number)


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A block as its node tells of it.

    Attributes:
        ref: which it is.
        timestamp: its own time, in seconds since 1970.
    """

    ref: BlockRef
    timestamp: int


def read_block(reply: Reply) -> Block | Failure | None:
    """The block that `eth_getBlockBy…` was answered with; None where the node knows no such block."""
    if isinstance(reply, Failure) or reply is None:
        return reply
    fields: dict[str, Any] = cast("dict[str, Any]", reply) if isinstance(reply, dict) else {}
    number, timestamp, digest = quantity(fields.get("number")), quantity(fields.get("timestamp")), fields.get("hash")
    if number is None or timestamp is None or not isinstance(digest, str) or not _HASH.fullmatch(digest):
        return None  # a pending block has neither a number nor a hash
    return Block(ref=BlockRef(number=number, hash=digest.lower()), timestamp=timestamp)


def quantity(value: Any) -> int | None:  # noqa: ANN401 - whatever stands there
    """A whole number as JSON-RPC writes it, such as `0x1f`; None where it is none. `0x` alone is no zero."""
    return int(value, 16) if isinstance(value, str) and _QUANTITY.fullmatch(value) else None


def bytes_of(value: Any) -> bytes | None:  # noqa: ANN401 - whatever stands there
    """What a call returned; None where it is no hexadecimal."""
    return bytes.fromhex(value[2:]) if isinstance(value, str) and _BYTES.fullmatch(value) else None
