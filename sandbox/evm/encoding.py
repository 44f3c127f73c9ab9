"""Numbers, bytes and addresses as JSON-RPC and the contracts' ABI write them."""

import re
from collections.abc import Sequence
from typing import cast

from sandbox.evm.problems import invalid

WORD = 32
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_QUANTITY = re.compile(r"0x(?:0|[1-9a-fA-F][0-9a-fA-F]*)")


def quantity(number: int) -> str:
    """A number, without leading zeros."""
    return hex(number)


def data(content: bytes) -> str:
    """Bytes."""
    return "0x" + content.hex()


def word(number: int) -> bytes:
    """A number as the ABI writes it."""
    return number.to_bytes(WORD, "big")


def topic(address: str) -> str:
    """An address as an indexed argument of an event."""
    return "0x" + "0" * 24 + address[2:]


def text(content: bytes) -> bytes:
    """A string, or bytes, as the only value that a function returns."""
    return word(WORD) + counted(content)


def counted(content: bytes) -> bytes:
    """Bytes behind their length, filled up to whole words."""
    return word(len(content)) + content + bytes(-len(content) % WORD)


def read_word(content: bytes, at: int) -> int:
    """The number at a place in the arguments of a call; raises ValueError where they end before."""
    found = content[at : at + WORD]
    if len(found) < WORD:
        raise ValueError("the arguments are too short")
    return int.from_bytes(found, "big")


def argument(params: Sequence[object], place: int) -> object:
    """The parameter at a place; raises CallError where there is none."""
    if place >= len(params):
        raise invalid(place, "missing value for required argument")
    return params[place]


def read_address(value: object, place: int) -> str:
    """An address in lower case; raises CallError for what is none."""
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        shown = len(value.removeprefix("0x")) if isinstance(value, str) else 0
        raise invalid(place, f"hex string has length {shown}, want 40 for common.Address")
    return value.lower()


def read_data(value: object, place: int) -> bytes:
    """Bytes; raises CallError for what is none."""
    digits = value[2:] if isinstance(value, str) and value.startswith("0x") else " "
    try:
        if digits.isalnum() or not digits:  # `fromhex` would pass over blanks
            return bytes.fromhex(digits)
    except ValueError:
        pass
    raise invalid(place, "invalid hex string")


def read_quantity(value: object, place: int) -> int:
    """A number; raises CallError for what is none."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise invalid(place, "invalid hex number")
    return int(value, 16)


def read_object(value: object, place: int) -> dict[str, object]:
    """A JSON object; raises CallError for what is none."""
    if not isinstance(value, dict):
        raise invalid(place, "cannot be read as an object")
    return cast("dict[str, object]", value)
