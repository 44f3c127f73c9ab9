"""Addresses: kept in lower case, as nodes answer them; shown to people with the checksum of EIP-55."""

from eth_hash.auto import keccak

ZERO = "0x" + "0" * 40
"""Where tokens are minted from; also stands for the chain's own coin among the tokens."""
_UPPER_FROM = 8
"""A letter is upper case where its digit of the hash is at least this."""


def checksummed(address: str) -> str:
    """An address with the checksum of EIP-55 in the case of its letters."""
    digits = address.removeprefix("0x").lower()
    marks = keccak(digits.encode()).hex()
    signed = (d.upper() if int(mark, 16) >= _UPPER_FROM else d for d, mark in zip(digits, marks, strict=False))
    return "0x" + "".join(signed)
