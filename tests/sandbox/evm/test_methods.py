"""What a node answers: balances at a block, contracts by their selectors, blocks, and the errors of real nodes."""

from typing import Any, cast

import pytest
from support.abi import aggregate3, results3

from sandbox.evm.address import ZERO
from sandbox.evm.batch import answer
from sandbox.evm.encoding import word
from sandbox.evm.moves import Transfer
from sandbox.evm.view import MULTICALL3, View
from sandbox.evm.world import Evm

Ask = Any
USDC = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
ODD = "0x5a11d00000000000000000000000000000000a0"
BALANCE, DECIMALS, SYMBOL, NATIVE = "0x70a08231", "0x313ce567", "0x95d89b41", "4d2301cc"


def of(address: str) -> str:
    """An address as an argument."""
    return "0" * 24 + address[2:]


def test_balances_are_those_of_the_block_that_is_asked_at(evm: Evm, ask: Ask) -> None:
    """By number, tag, hash and EIP-1898 object, to the last unit, by each way that there is."""
    chain, wallet = evm[1].chain, evm.wallets[0]
    before = chain.held(USDC, wallet)
    block = chain.pay(Transfer(token=USDC, sender=ZERO, receiver=wallet, amount=2**200 + 1))
    chain.mine(1)
    call = {"to": USDC, "data": BALANCE + of(wallet)}
    names: list[object] = [hex(block.number), {"blockHash": block.hash, "requireCanonical": True}]
    names += [{"blockNumber": hex(block.number)}, {"blockHash": block.hash}]
    assert {ask("eth_call", call, name) for name in names} == {"0x" + word(before + 2**200 + 1).hex()}
    assert int(ask("eth_call", {"to": USDC, "input": call["data"]}, hex(block.number - 1)), 16) == before
    native = chain.held(ZERO, wallet)
    assert int(ask("eth_getBalance", wallet, "latest"), 16) == int(ask("eth_getBalance", wallet), 16) == native
    assert int(ask("eth_getTransactionCount", wallet, "latest"), 16) == chain.ledger.latest(("nonce", wallet))
    both = aggregate3(
        [(USDC, call["data"][2:]), (MULTICALL3, NATIVE + of(wallet)), ("0x" + "7" * 40, ""), (USDC, "00")]
    )
    said = results3(ask("eth_call", {"to": MULTICALL3, "data": both}, hex(block.number)))
    assert said[0] == (True, word(before + 2**200 + 1))
    assert said[1] == (True, word(chain.ledger.at((ZERO, wallet), block.number)))
    assert said[2:] == [(True, b""), (False, b"")]


@pytest.mark.parametrize(
    ("token", "selector", "expected"),
    [
        (USDC, DECIMALS, word(6)),
        (USDC, SYMBOL, word(32) + word(4) + b"USDC".ljust(32, b"\0")),
        ("0x9f8f72aa9304c8b593d555f12ef6589cc3a579a2", SYMBOL, b"MKR".ljust(32, b"\0")),
        (ODD + "1", SYMBOL, None),
        (ODD + "1", DECIMALS, word(18)),
        (ODD + "2", DECIMALS, word(255)),
        (ODD + "3", SYMBOL, word(32) + word(11) + b"\xff\xfeGRBL\x1b[31m".ljust(32, b"\0")),
        (ODD + "4", BALANCE + of(ODD + "1"), None),
        (ODD + "4", SYMBOL, word(32) + word(5) + b"PAUSE".ljust(32, b"\0")),
        (USDC, "0x12345678", None),
        (USDC, BALANCE, None),
        ("0x" + "7" * 40, DECIMALS, b""),
        (ZERO, SYMBOL, b""),
    ],
)
def test_tokens_answer_as_they_do_in_the_field(ask: Ask, token: str, selector: str, expected: bytes | None) -> None:
    """None: the call is reverted."""
    said = ask("eth_call", {"to": token, "data": selector}, "latest")
    assert said == (
        {"code": 3, "message": "execution reverted", "data": "0x"} if expected is None else "0x" + expected.hex()
    )
    assert (ask("eth_getCode", token, "latest") == "0x") == (expected == b"")


def test_multicall_tells_at_which_block_it_is_carried_out(evm: Evm, ask: Ask) -> None:
    """A connector can prove that a node has heeded the block that it named."""
    chain = evm[1].chain
    block = chain.block(chain.head - 3)
    assert block is not None
    asked = [
        "42cbb15c",
        "3408e470",
        "0f28c97d",
        "ee82ac5e" + word(block.number - 1).hex(),
        "ee82ac5e" + word(block.number).hex(),
    ]
    said = results3(
        ask("eth_call", {"to": MULTICALL3, "data": aggregate3([(MULTICALL3, one) for one in asked])}, hex(block.number))
    )
    told = [block.number, 1, block.time, int(block.parent_hash, 16), 0]
    assert said == [(True, word(number)) for number in told]


def test_a_chain_without_multicall_has_no_code_there(evm: Evm, ask: Ask) -> None:
    """An address without code returns nothing, which is no zero."""
    asked = aggregate3([(MULTICALL3, NATIVE + of(evm.wallets[0]))])
    assert ask("eth_call", {"to": MULTICALL3, "data": asked}, "latest", chain=8453) == "0x"
    assert (ask("eth_getCode", MULTICALL3, chain=8453), ask("eth_chainId", chain=8453)) == ("0x", "0x2105")
    assert ask("eth_getCode", MULTICALL3) != "0x"
    strict = aggregate3([(USDC, "00")], allow_failure=False)
    assert ask("eth_call", {"to": MULTICALL3, "data": strict}, "latest")["code"] == 3
    evm[1].settings = evm[1].settings.changed({"most_subcalls": 1})
    assert ask("eth_call", {"to": MULTICALL3, "data": aggregate3([(USDC, "00")] * 2)})["message"] == "out of gas"


def test_blocks_form_a_chain(evm: Evm, ask: Ask) -> None:
    """Each names its parent, and is found by number, tag and hash; one that is not there is null."""
    chain = evm[1].chain
    head = ask("eth_getBlockByNumber", "latest", False)
    parent = ask("eth_getBlockByHash", head["parentHash"], False)
    assert (head["number"], ask("eth_blockNumber")) == (hex(chain.head), hex(chain.head))
    assert int(parent["number"], 16) == chain.head - 1
    assert int(parent["timestamp"], 16) < int(head["timestamp"], 16)
    assert ask("eth_getBlockByNumber", "finalized")["number"] == hex(chain.oldest)
    assert ask("eth_getBlockByNumber", hex(chain.head + 1)) is None
    assert ask("eth_getBlockByHash", "0x" + "12" * 32) is None


def test_a_block_that_is_not_there_is_an_error_and_never_a_balance(evm: Evm, ask: Ask) -> None:
    """Replaced, not there yet, unseen by a node that is behind, forgotten, or named in a way that is not known."""
    chain, wallet = evm[1].chain, evm.wallets[0]
    gone = chain.block(chain.head)
    assert gone is not None
    chain.reorganize(1)
    head = chain.block(chain.head)
    assert head is not None
    canonical = {"blockHash": gone.hash, "requireCanonical": True}

    def told(name: object, **more: int) -> str:
        return ask("eth_getBalance", wallet, name, **more)["message"]

    assert told(canonical) == "hash is not currently canonical"
    assert told({"blockHash": gone.hash}) == told({"blockHash": "0x" + "12" * 32}) == "header for hash not found"
    assert told(hex(chain.head + 1)) == told(hex(chain.head), lag=1) == "header not found"
    assert told({"blockHash": head.hash, "requireCanonical": True}, lag=1) == "header for hash not found"
    assert ask("eth_blockNumber", lag=2) == hex(chain.head - 2)
    assert "choose one" in told({"blockHash": head.hash, "blockNumber": "0x1"})
    evm[1].settings = evm[1].settings.changed({"state_blocks": 5, "eip1898": False})
    assert told(hex(chain.head - 5)).startswith("missing trie node")
    assert "cannot unmarshal object" in told({"blockHash": head.hash})
    assert isinstance(ask("eth_getBalance", wallet, hex(chain.head - 4)), str)


@pytest.mark.parametrize(
    ("method", "params", "code", "word_of_it"),
    [
        ("eth_getBalance", ["0x1234", "latest"], -32602, "length 4, want 40"),
        ("eth_getBalance", [], -32602, "missing value"),
        ("eth_getBalance", ["0x" + "7" * 40, "0x01"], -32602, "invalid hex number"),
        ("eth_call", [{"to": USDC, "data": "0x1"}], -32602, "invalid hex string"),
        ("eth_call", [{"to": USDC, "data": "0x1 23"}], -32602, "invalid hex string"),
        ("eth_call", [{"to": USDC, "data": "1234"}], -32602, "invalid hex string"),
        ("eth_call", ["x"], -32602, "object"),
        ("eth_getLogs", [{"topics": "x"}], -32602, "list"),
        ("eth_getLogs", [{"topics": [[1]]}], -32602, "topic"),
        ("eth_getLogs", [{"fromBlock": "0x2", "toBlock": "0x1"}], -32602, "range"),
        ("eth_getLogs", [{"blockHash": "0x12"}], -32000, "unknown block"),
        ("eth_getLogs", [{"blockHash": "0x12", "toBlock": "0x1"}], -32602, "choose one"),
        ("eth_sendRawTransaction", [], -32601, "does not exist"),
    ],
)
def test_a_wrong_call_is_told(ask: Ask, method: str, params: list[object], code: int, word_of_it: str) -> None:
    """In the words of real nodes: a connector's mistake must not look like an empty wallet."""
    said = ask(method, *params)
    assert (said["code"], word_of_it in said["message"]) == (code, True)


@pytest.mark.parametrize(
    ("lie", "native", "said_of"),
    [
        ("zero", "0x0", ("0x" + "0" * 64, (True, word(0)))),
        ("empty", "0x", ("0x", (True, b""))),
        ("short", "0x", ("0x" + "0" * 32, (True, bytes(16)))),
        ("null", None, (None, (False, b""))),
        ("garbage", "0xnot a number", ("0x" + "0" * 32, (True, bytes(16)))),
        ("failed", -32000, (3, (False, b""))),
    ],
)
def test_a_node_can_say_less_than_the_truth(
    evm: Evm, ask: Ask, lie: str, native: object, said_of: tuple[object, tuple[bool, bytes]]
) -> None:
    """False zeros above all: of one wallet for good, by a setting, or of the next balances, as faults order them."""
    wallet, other = evm.wallets[:2]
    single, inner = said_of
    evm[1].settings = evm[1].settings.changed({"lies": {wallet: lie}})

    def said(method: str, *params: object) -> object:
        told = ask(method, *params)
        return cast("dict[str, object]", told)["code"] if isinstance(told, dict) else told

    assert said("eth_getBalance", wallet, "latest") == native
    assert said("eth_call", {"to": USDC, "data": BALANCE + of(wallet)}) == single
    both = aggregate3([(USDC, BALANCE[2:] + of(wallet)), (USDC, BALANCE[2:] + of(other))])
    told = results3(ask("eth_call", {"to": MULTICALL3, "data": both}))
    assert told == [inner, (True, word(evm[1].chain.held(USDC, other)))]
    evm[1].settings = evm[1].settings.changed({"lies": {}})
    view = View(evm[1], lies=iter(("zero",)))
    calls = [{"id": turn, "method": "eth_getBalance", "params": [one]} for turn, one in enumerate((wallet, other))]
    answers = cast("list[dict[str, Any]]", answer(evm[1], view, calls))
    assert [one["result"] for one in answers] == ["0x0", hex(evm[1].chain.held(ZERO, other))]
