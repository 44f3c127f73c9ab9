"""A real EVM (py-evm) with a chain of blocks around it, each of which can be read; blocks can be taken back."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from eth_hash.auto import keccak

__all__ = ["ALICE", "Evm", "Log", "Mined", "RevertedError", "constants", "contracts"]

ALICE = "0x00000000000000000000000000000000000a11ce"
"""Whom all tokens belong to at first."""
_GAS = 60_000_000
_SECONDS_A_BLOCK = 12
_GENESIS_SECONDS = 1_700_000_000


_State: TypeAlias = Any
"""py-evm's; it has no types that would help here."""


class RevertedError(Exception):
    """A call failed in the machine."""


@dataclass(frozen=True, kw_only=True)
class Log:
    """What a contract said in a block."""

    address: str
    topics: tuple[str, ...]
    data: str


@dataclass(frozen=True, kw_only=True)
class Mined:
    """A block: its place, the state behind it, and what was said in it."""

    number: int
    hash: str
    parent: str
    timestamp: int
    root: bytes
    logs: tuple[Log, ...] = ()


class Evm:
    """A chain; a block is made by `mine`, of what was sent since the last one."""

    def __init__(self, *, salt: str = "") -> None:
        """Make the first block."""
        deepest = sys.getrecursionlimit()
        from eth.db.atomic import AtomicDB  # noqa: PLC0415 - takes a second, and only tests of chains need it
        from eth.vm.forks.cancun import CancunVM  # noqa: PLC0415

        sys.setrecursionlimit(deepest)  # py-evm raises it so far that what is nested too deeply ends the process

        self._state_class: Any = CancunVM.get_state_class()
        self._database: Any = AtomicDB()
        self._salt = salt
        self._logs: list[Log] = []
        self.blocks: list[Mined] = []
        state = self._state(_EMPTY_ROOT, 0, _GENESIS_SECONDS)
        self._seal(state, 0, _GENESIS_SECONDS)
        self._pending: _State = None

    @property
    def head(self) -> Mined:
        return self.blocks[-1]

    def mine(self, count: int = 1, *, salt: str = "") -> Mined:
        """Make blocks; the first holds what was sent. `salt` makes it another block than one of the same content."""
        for _ in range(count):
            number, timestamp = self.head.number + 1, self.head.timestamp + _SECONDS_A_BLOCK
            self._seal(self._next(), number, timestamp, salt)
            self._pending = None
        return self.head

    def take_back(self, count: int) -> None:
        """Forget the newest blocks, as a reorganisation or a reverted snapshot does."""
        del self.blocks[len(self.blocks) - count :]
        self._pending, self._logs = None, []

    def give(self, wallet: str, coins: int) -> None:
        """Let a wallet have so many coins in the next block."""
        self._next().set_balance(_bytes(wallet), coins)

    def deploy(self, code: str, *words: int | bytes, at: str = "") -> str:
        """Put a contract on the chain by its creation code and its constructor's arguments; the address."""
        data = bytes.fromhex(code.removeprefix("0x")) + b"".join(_word(word) for word in words)
        address = at or f"0x{keccak(data + bytes(str(len(self.blocks)), 'ascii'))[-20:].hex()}"
        made = self._run(self._next(), ALICE, address, b"", code=data)
        self._next().set_code(_bytes(address), made)
        return address

    def install(self, address: str, code: bytes) -> None:
        """Put a contract's runtime code at an address; empty code removes it."""
        self._next().set_code(_bytes(address), code)

    def send(self, sender: str, contract: str, data: bytes) -> bytes:
        """Call a contract in the next block."""
        state = self._next()
        return self._run(state, sender, contract, data, code=state.get_code(_bytes(contract)))

    def call(self, block: Mined, contract: str, data: bytes) -> bytes:
        """What a call returns behind `block`; nothing is changed."""
        state = self._state(block.root, block.number, block.timestamp)
        return self._run(state, ALICE, contract, data, code=state.get_code(_bytes(contract)))

    def balance(self, block: Mined, wallet: str) -> int:
        state = self._state(block.root, block.number, block.timestamp)
        return int(state.get_balance(_bytes(wallet)))

    def _next(self) -> _State:
        """The state of the block that is not made yet."""
        if self._pending is None:
            head = self.head
            self._pending = self._state(head.root, head.number + 1, head.timestamp + _SECONDS_A_BLOCK)
        return self._pending

    def _state(self, root: bytes, number: int, timestamp: int) -> _State:
        from eth.vm.execution_context import ExecutionContext  # noqa: PLC0415

        context: Any = ExecutionContext(bytes(20), timestamp, number, 0, bytes(32), _GAS, (), 1, 0, 0)  # pyright: ignore[reportArgumentType]
        return self._state_class(self._database, context, root)

    def _run(self, state: _State, sender: str, contract: str, data: bytes, *, code: bytes) -> bytes:
        from eth.vm.message import Message  # noqa: PLC0415
        from eth.vm.transaction_context import BaseTransactionContext  # noqa: PLC0415

        who: Any = _bytes(sender)
        message: Any = Message(gas=_GAS, to=_bytes(contract), sender=who, value=0, data=data, code=code)  # pyright: ignore[reportArgumentType]
        context: Any = BaseTransactionContext(gas_price=0, origin=who)
        done: Any = state.computation_class.apply_message(state, message, context)
        if done.is_error:
            raise RevertedError(f"execution reverted: {type(done.error).__name__}")
        if state is self._pending:
            self._logs += [_log(*entry) for entry in done.get_log_entries()]
        return bytes(done.output)

    def _seal(self, state: _State, number: int, timestamp: int, salt: str = "") -> None:
        state.persist()
        root = bytes(state.state_root)
        parent = self.blocks[-1].hash if self.blocks else f"0x{'0' * 64}"
        digest = keccak(f"{self._salt}{salt}{parent}{number}{root.hex()}".encode()).hex()
        logs, self._logs = tuple(self._logs), []
        self.blocks.append(
            Mined(number=number, hash=f"0x{digest}", parent=parent, timestamp=timestamp, root=root, logs=logs)
        )


_EMPTY_ROOT = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")


@cache
def contracts() -> Mapping[str, str]:
    """The creation code of real contracts, as they are published."""
    return json.loads(Path(__file__).with_name("contracts.json").read_text(encoding="utf-8"))


def constants(answers: Mapping[bytes, bytes | None], *, burns: Sequence[bytes] = ()) -> bytes:
    """The code of a contract that answers each selector with fixed bytes; None: it reverts; `burns` use up all gas."""
    entries = [*answers, *burns]
    head = bytes.fromhex("5f3560e01c")  # PUSH0 CALLDATALOAD PUSH1 224 SHR
    bodies = [_burning() if one in burns else _returning(answers[one]) for one in entries]
    at, jumps = len(head) + 11 * len(entries) + 3, b""
    for selector, body in zip(entries, bodies, strict=True):  # DUP1 PUSH4 selector EQ PUSH2 place JUMPI
        jumps += b"\x80\x63" + selector + b"\x14\x61" + at.to_bytes(2) + b"\x57"
        at += len(body)
    return head + jumps + bytes.fromhex("5f5ffd") + b"".join(bodies)


def _burning() -> bytes:
    return bytes.fromhex("5bfe")  # INVALID


def _returning(data: bytes | None) -> bytes:
    if data is None:
        return bytes.fromhex("5b5f5ffd")
    words = [data[at : at + 32].ljust(32, b"\0") for at in range(0, len(data), 32)]
    stores = b"".join(b"\x7f" + word + b"\x61" + (32 * index).to_bytes(2) + b"\x52" for index, word in enumerate(words))
    return b"\x5b" + stores + b"\x61" + len(data).to_bytes(2) + b"\x5f\xf3"


def _log(address: bytes, topics: Sequence[int], data: bytes) -> Log:
    return Log(
        address=f"0x{address.hex()}", topics=tuple(f"0x{topic:064x}" for topic in topics), data=f"0x{data.hex()}"
    )


def _bytes(address: str) -> bytes:
    return bytes.fromhex(address[2:])


def _word(word: int | bytes) -> bytes:
    return word.to_bytes(32) if isinstance(word, int) else word
