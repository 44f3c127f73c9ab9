"""What the contracts answer: tokens (ERC-20) and Multicall3, each function known by its selector."""

from collections.abc import Callable

from sandbox.evm.address import ZERO
from sandbox.evm.encoding import WORD, counted, data, read_word, text, word
from sandbox.evm.problems import SERVER, CallError, reverted
from sandbox.evm.settings import Lie
from sandbox.evm.tokens import Token
from sandbox.evm.view import MULTICALL3, View

SELECTOR_BYTES = 4
LYING_DECIMALS = 255
SHORT_BYTES = 16
ADDRESS_BYTES = 20
HASHES_BACK = 256
Answer = Callable[[View, bytes, int], bytes]


class NullError(CallError):
    """The node answers null in place of what the contract returned."""

    def __init__(self) -> None:
        super().__init__(SERVER, "no result")


def call(view: View, to: str, sent: bytes, number: int) -> bytes:
    """What a contract answers to `sent` at a block; nothing where there is none.

    Raises:
        CallError: it refuses.
    """
    if not view.has_code(to):
        return b""
    selector, arguments = sent[:SELECTOR_BYTES].hex(), sent[SELECTOR_BYTES:]
    try:
        if to == MULTICALL3:
            return _MULTICALL[selector](view, arguments, number)
        token = view.chain.tokens[to]
        if selector == "70a08231":
            return _balance(view, token, arguments, number)
        return _DESCRIPTIONS[selector](token)
    except (KeyError, ValueError):  # a function that is not there, or arguments that are too short
        raise reverted() from None


def balance_bytes(told: Lie | None, balance: int) -> bytes:
    """A balance as a contract returns it, or what is said in its place; raises CallError."""
    match told:
        case None:
            return word(balance)
        case "zero":
            return word(0)
        case "empty":
            return b""
        case "short" | "garbage":
            return bytes(SHORT_BYTES)
        case "null":
            raise NullError
        case "failed":
            raise reverted()


def _balance(view: View, token: Token, arguments: bytes, number: int) -> bytes:
    holder = _address(arguments, 0)
    if token.quirk == "paused":
        raise reverted()
    told = view.lie_about(holder, token.address)
    return balance_bytes(told, view.balance(token.address, holder, number))


def _address(arguments: bytes, at: int) -> str:
    if len(arguments) < at + WORD:
        raise ValueError("the arguments are too short")
    return data(arguments[at + WORD - ADDRESS_BYTES : at + WORD])


def _symbol(token: Token) -> bytes:
    match token.quirk:
        case "no_symbol":
            raise reverted()
        case "bytes32":
            return token.symbol.encode().ljust(WORD, b"\0")
        case "garbled":
            return text(b"\xff\xfe" + token.symbol.encode() + b"\x1b[31m")
        case _:
            return text(token.symbol.encode())


def _decimals(token: Token) -> bytes:
    return word(LYING_DECIMALS if token.quirk == "lying_decimals" else token.decimals)


_DESCRIPTIONS: dict[str, Callable[[Token], bytes]] = {"95d89b41": _symbol, "06fdde03": _symbol, "313ce567": _decimals}
"""symbol(), name() and decimals()."""


def _aggregate3(view: View, arguments: bytes, number: int) -> bytes:
    """aggregate3((address target, bool allowFailure, bytes callData)[]) -> (bool success, bytes returnData)[]."""
    start = read_word(arguments, 0)
    count = read_word(arguments, start)
    if count > view.settings.most_subcalls:
        raise CallError(SERVER, "out of gas")
    base = start + WORD
    results = [
        _subcall(view, arguments, base + read_word(arguments, base + turn * WORD), number) for turn in range(count)
    ]
    places: list[bytes] = []
    place = count * WORD
    for result in results:
        places.append(word(place))
        place += len(result)
    return word(WORD) + word(count) + b"".join(places) + b"".join(results)


def _subcall(view: View, arguments: bytes, at: int, number: int) -> bytes:
    """One call of an `aggregate3`: whether it succeeded, and what it returned."""
    target, allowed = _address(arguments, at), read_word(arguments, at + WORD)
    begins = at + read_word(arguments, at + 2 * WORD)
    length = read_word(arguments, begins)
    try:
        returned, success = call(view, target, arguments[begins + WORD : begins + WORD + length], number), 1
    except CallError:
        if not allowed:
            raise reverted(b"Multicall3: call failed") from None
        returned, success = b"", 0
    return word(success) + word(2 * WORD) + counted(returned)


def _eth_balance(view: View, arguments: bytes, number: int) -> bytes:
    holder = _address(arguments, 0)
    return balance_bytes(view.lie_about(holder), view.balance(ZERO, holder, number))


def _time(view: View, _arguments: bytes, number: int) -> bytes:
    block = view.seen(number)
    return word(0 if block is None else block.time)


def _hash(view: View, arguments: bytes, number: int) -> bytes:
    """The hash of one of the 256 blocks before the one at which it is called; zero for any other."""
    asked = read_word(arguments, 0)
    block = view.seen(asked) if number - HASHES_BACK <= asked < number else None
    return word(0) if block is None else bytes.fromhex(block.hash[2:])


_MULTICALL: dict[str, Answer] = {
    "82ad56cb": _aggregate3,
    "4d2301cc": _eth_balance,
    "42cbb15c": lambda _view, _arguments, number: word(number),
    "3408e470": lambda view, _arguments, _number: word(view.chain.id),
    "0f28c97d": _time,
    "ee82ac5e": _hash,
}
"""aggregate3, getEthBalance, getBlockNumber, getChainId, getCurrentBlockTimestamp and getBlockHash."""
