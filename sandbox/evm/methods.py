"""The methods of JSON-RPC, each from the parameters of a call to its result."""

from collections.abc import Callable, Sequence
from typing import Any

from sandbox.evm.address import ZERO
from sandbox.evm.chain import Block
from sandbox.evm.contracts import NullError, call
from sandbox.evm.encoding import argument, data, quantity, read_address, read_data, read_object
from sandbox.evm.logs import get_logs
from sandbox.evm.problems import NO_METHOD, SERVER, CallError
from sandbox.evm.view import View

CODE = bytes.fromhex("6080604052")
"""What stands where a contract is: enough to see that one does."""
Params = Sequence[object]


def result_of(view: View, method: str, params: Params) -> object:
    """What a method answers.

    Raises:
        CallError: it is not there, or refuses.
    """
    found = METHODS.get(method)
    if found is None:
        raise CallError(NO_METHOD, f"the method {method} does not exist/is not available")
    return found(view, params)


def _balance(view: View, params: Params) -> str | None:
    holder = read_address(argument(params, 0), 0)
    number = view.block_at(_block_name(params, 1), 1)
    match view.lie_about(holder):
        case None:
            return quantity(view.balance(ZERO, holder, number))
        case "zero":
            return quantity(0)
        case "empty" | "short":
            return "0x"
        case "null":
            return None
        case "garbage":
            return "0xnot a number"
        case "failed":
            raise CallError(SERVER, "internal error")


def _call(view: View, params: Params) -> str | None:
    asked = read_object(argument(params, 0), 0)
    sent = read_data(asked.get("input", asked.get("data", "0x")), 0)
    number = view.block_at(_block_name(params, 1), 1)
    try:
        return data(call(view, read_address(asked.get("to"), 0), sent, number))
    except NullError:
        return None


def _code(view: View, params: Params) -> str:
    address = read_address(argument(params, 0), 0)
    view.block_at(_block_name(params, 1), 1)
    return data(CODE if view.has_code(address) else b"")


def _nonce(view: View, params: Params) -> str:
    holder = read_address(argument(params, 0), 0)
    return quantity(view.nonce(holder, view.block_at(_block_name(params, 1), 1)))


def _block_name(params: Params, place: int) -> object:
    """The block that a state is asked at; the newest where none is named."""
    return params[place] if place < len(params) and params[place] is not None else "latest"


def _by_number(view: View, params: Params) -> dict[str, Any] | None:
    return _shown(view.seen(view.number_of(argument(params, 0), 0)))


def _by_hash(view: View, params: Params) -> dict[str, Any] | None:
    return _shown(view.seen_by_hash(data(read_data(argument(params, 0), 0))))


def _shown(block: Block | None) -> dict[str, Any] | None:
    """A block as nodes show it, without what nobody here asks for; null for one that is not there."""
    if block is None:
        return None
    return {
        "number": quantity(block.number),
        "hash": block.hash,
        "parentHash": block.parent_hash,
        "timestamp": quantity(block.time),
        "transactions": list(block.transactions),
        "miner": ZERO,
        "gasLimit": quantity(30_000_000),
        "gasUsed": quantity(21_000 * len(block.transactions)),
        "uncles": [],
    }


METHODS: dict[str, Callable[[View, Params], object]] = {
    "eth_chainId": lambda view, _: quantity(view.chain.id),
    "net_version": lambda view, _: str(view.chain.id),
    "web3_clientVersion": lambda _view, _params: "sandbox",
    "eth_syncing": lambda _view, _params: False,
    "eth_blockNumber": lambda view, _: quantity(view.head),
    "eth_getBlockByNumber": _by_number,
    "eth_getBlockByHash": _by_hash,
    "eth_getBalance": _balance,
    "eth_getTransactionCount": _nonce,
    "eth_getCode": _code,
    "eth_call": _call,
    "eth_getLogs": get_logs,
}
