"""The few calls of contracts that portfolios are read by, in the fixed layouts of Ethereum's ABI.

Each value is a word of 32 bytes; what has no fixed length stands behind, at an offset that its word names. What a
contract answers is never believed by its length: each reader says None, or raises, where it is not what it should be.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "DECIMALS",
    "SYMBOL",
    "TIMESTAMP",
    "TRANSFER",
    "aggregate3",
    "balance_of",
    "ether_balance",
    "read_aggregate3",
    "read_decimals",
    "read_symbol",
    "read_word",
    "topic_of",
    "wallet_of_topic",
]

DECIMALS = bytes.fromhex("313ce567")
"""`decimals()`"""
SYMBOL = bytes.fromhex("95d89b41")
"""`symbol()`"""
TIMESTAMP = bytes.fromhex("0f28c97d")
"""Multicall3's `getCurrentBlockTimestamp()`: of the block at which a call is carried out."""
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""The first topic of `Transfer(address indexed from, address indexed to, uint256 amount)`."""
_AGGREGATE3 = bytes.fromhex("82ad56cb")
_BALANCE_OF = bytes.fromhex("70a08231")
_ETHER_BALANCE = bytes.fromhex("4d2301cc")
_WORD = 32
_MOST_DECIMALS = 77
"""10**77 is the largest power of ten in 256 bits."""
_LONGEST_SYMBOL = 64
"""In characters; longer ones are advertisements."""


def balance_of(wallet: str) -> bytes:
    """The call `balanceOf(wallet)` of a token."""
    return _BALANCE_OF + _padded(wallet)


def ether_balance(wallet: str) -> bytes:
    """Multicall3's call `getEthBalance(wallet)`."""
    return _ETHER_BALANCE + _padded(wallet)


def aggregate3(calls: Sequence[tuple[str, bytes]]) -> bytes:
    """Multicall3's call of many others, each a contract's address and its call; any of them may fail."""
    heads: list[bytes] = []
    tails: list[bytes] = []
    at = _WORD * len(calls)
    for target, data in calls:
        padding = bytes(-len(data) % _WORD)
        tail = _padded(target) + _word(1) + _word(3 * _WORD) + _word(len(data)) + data + padding
        heads.append(_word(at))
        tails.append(tail)
        at += len(tail)
    return b"".join((_AGGREGATE3, _word(_WORD), _word(len(calls)), *heads, *tails))


def read_aggregate3(data: bytes, count: int) -> list[bytes | None]:
    """What each of `count` calls returned; None for one that failed.

    Raises:
        ValueError: it is no answer of Multicall3 to so many calls.
    """
    start = _int_at(data, 0) + _WORD
    if _int_at(data, start - _WORD) != count:
        raise ValueError(f"an answer to {count} calls holds {_int_at(data, start - _WORD)}")
    return [_result_at(data, start + _int_at(data, start + _WORD * index)) for index in range(count)]


def read_word(data: bytes | None) -> int | None:
    """The whole number that a call returned; None where it returned fewer than 32 bytes, or failed.

    An address without code returns nothing at all: that is no zero.
    """
    return None if data is None or len(data) < _WORD else int.from_bytes(data[:_WORD])


def read_decimals(data: bytes | None) -> int | None:
    """A token's decimals; None where it says none, or more than any amount has digits."""
    found = read_word(data)
    return found if found is not None and found <= _MOST_DECIMALS else None


def read_symbol(data: bytes | None) -> str | None:
    """A token's symbol, as a string or, of old tokens, as 32 bytes; None where it is neither, or unprintable."""
    if data is None or len(data) < _WORD:
        return None
    content = data.rstrip(b"\0") if len(data) == _WORD else _string(data)
    try:
        text = "" if content is None else content.decode().strip()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() and 0 < len(text) <= _LONGEST_SYMBOL else None


def topic_of(wallet: str) -> str:
    """The topic of a log by which a wallet is found."""
    return f"0x{_padded(wallet).hex()}"


def wallet_of_topic(topic: str) -> str:
    """The 40 digits of the wallet in a topic of a log.

    Raises:
        ValueError: it is no address.
    """
    digits = topic.lower().removeprefix("0x")
    if len(digits) != 2 * _WORD or int(digits[:24], 16):
        raise ValueError(f"a topic holds no address: {topic[:70]!r}")
    return digits[24:]


def _string(data: bytes) -> bytes | None:
    """A string of variable length; None where it does not hold what it says."""
    at = int.from_bytes(data[:_WORD])
    if at + _WORD > len(data):
        return None
    begins, length = at + _WORD, int.from_bytes(data[at : at + _WORD])
    return data[begins : begins + length] if begins + length <= len(data) else None


def _result_at(data: bytes, at: int) -> bytes | None:
    """What one call of many returned: whether it succeeded, and the offset of its bytes."""
    begins = at + _int_at(data, at + _WORD)
    length = _int_at(data, begins)
    if begins + _WORD + length > len(data):
        raise ValueError("an answer is cut")
    return data[begins + _WORD : begins + _WORD + length] if _int_at(data, at) else None


def _int_at(data: bytes, at: int) -> int:
    if at + _WORD > len(data):
        raise ValueError("an answer is cut")
    return int.from_bytes(data[at : at + _WORD])


def _word(number: int) -> bytes:
    return number.to_bytes(_WORD)


def _padded(address: str) -> bytes:
    return bytes(12) + bytes.fromhex(address[2:])
