"""Multicall3's `aggregate3` as bytes, written out by hand: what a connector sends, and what it reads."""

from collections.abc import Sequence

__all__ = ["aggregate3", "results3"]


def aggregate3(calls: Sequence[tuple[str, str]], *, allow_failure: bool = True) -> str:
    """The call data for these (target, call data without 0x)."""
    tuples: list[bytes] = []
    for target, sent in calls:
        data = bytes.fromhex(sent)
        head = bytes.fromhex(target[2:]).rjust(32, b"\0") + _word(int(allow_failure)) + _word(96) + _word(len(data))
        tuples.append(head + data + bytes(-len(data) % 32))
    offsets = [32 * len(calls) + sum(map(len, tuples[:turn])) for turn in range(len(calls))]
    return "0x82ad56cb" + b"".join([_word(32), _word(len(calls)), *map(_word, offsets), *tuples]).hex()


def results3(answer: str) -> list[tuple[bool, bytes]]:
    """Of each call, whether it succeeded and what it returned."""
    data = bytes.fromhex(answer[2:])
    base = _read(data, 0) + 32
    found: list[tuple[bool, bytes]] = []
    for turn in range(_read(data, base - 32)):
        at = base + _read(data, base + 32 * turn)
        begins = at + _read(data, at + 32)
        found.append((bool(_read(data, at)), data[begins + 32 : begins + 32 + _read(data, begins)]))
    return found


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _read(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 32], "big")
