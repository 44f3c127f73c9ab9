"""Addresses of wallets and tokens: 20 bytes in hexadecimal, whose capital letters are a checksum (EIP-55)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache

from syncline.errors import ConfigurationError

__all__ = ["checked", "checksummed"]

_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")
_SHOWN = 60
"""So many characters of what was written are repeated in an error."""
_CAPITAL_FROM = 8
"""A letter is a capital where the hash's digit at its place is at least this."""


def checked(text: str, *, what: str = "a wallet's address") -> str:
    """The address that `text` is, with EIP-55's checksum; all small or all capital letters carry none.

    Raises:
        ConfigurationError: it is no address, or its checksum is wrong; `what` says what it was given as.
    """
    written = text.strip()
    if not _ADDRESS.fullmatch(written):
        shown = written if len(written) <= _SHOWN else f"{written[:_SHOWN]}…"
        raise ConfigurationError(
            f"{what} is 0x and 40 hexadecimal digits, but is {shown!r} ({len(written)} characters)"
        )
    digits = written[2:]
    address = checksummed(digits)
    if digits not in {digits.lower(), digits.upper(), address[2:]}:
        raise ConfigurationError(
            f"{what} is {written}, whose capital letters are no checksum of it (EIP-55): a digit is mistyped, or its "
            f"case was changed; if you are sure of the digits, write them in small letters"
        )
    return address


@lru_cache(maxsize=100_000)
def checksummed(digits: str) -> str:
    """`0x` and 40 hexadecimal `digits` of any case, with capitals as EIP-55 has them; takes 25 us."""
    small = digits.lower()
    hashed = _keccak()(small.encode()).hex()
    letters = (
        letter.upper() if int(place, 16) >= _CAPITAL_FROM else letter
        for letter, place in zip(small, hashed, strict=False)
    )
    return f"0x{''.join(letters)}"


@cache
def _keccak() -> Callable[[bytes], bytes]:
    from eth_hash.auto import keccak  # noqa: PLC0415 - each process reads the settings, and few of them an address

    return keccak
