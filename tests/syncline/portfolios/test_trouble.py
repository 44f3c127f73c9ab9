from typing import Any

import pytest

from syncline.portfolios.trouble import Trouble, failure_of

SAID: list[tuple[Trouble, int | None, str]] = [
    (Trouble.TOO_MUCH, -32005, "query returned more than 10000 results"),  # Infura, geth
    (Trouble.TOO_MUCH, -32602, "query returned more than 10000 results. Try with this block range [0x1, 0x2]."),
    (
        Trouble.TOO_MUCH,
        -32600,
        "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range",
    ),
    (Trouble.TOO_MUCH, -32614, "eth_getLogs is limited to a 10,000 range"),  # QuickNode
    (Trouble.TOO_MUCH, -32000, "exceed maximum block range: 5000"),  # BSC
    (Trouble.TOO_MUCH, -32701, "Please specify an address in your request or, to remove restrictions, block range"),
    (Trouble.TOO_MUCH, -32602, "Query exceeds max block range 100000"),
    (Trouble.TOO_MUCH, -32005, "block range is too large"),
    (Trouble.TOO_MUCH, -32603, "ranges over 10000 blocks are not supported on freetier"),  # dRPC
    (Trouble.TOO_MUCH, -32000, "query timeout exceeded"),
    (Trouble.TOO_MUCH, -32003, "response too large"),  # geth
    (Trouble.TOO_MUCH, -32600, "batch too large"),  # geth
    (Trouble.TOO_MUCH, -32600, "Batch of more than 100 requests are not allowed"),
    (Trouble.TOO_MUCH, 31, "Batch requests are not supported"),
    (Trouble.TOO_MUCH, -32600, "Exceeded max batch size"),
    (Trouble.TOPICS, -32602, "exceed max addresses or topics per search position"),  # geth
    (Trouble.RATE, -32005, "daily request count exceeded, request rate limited"),  # Infura
    (Trouble.RATE, 429, "Your app has exceeded its compute units per second capacity."),  # Alchemy
    (Trouble.RATE, -32005, "limit exceeded"),
    (Trouble.RATE, -32029, "Too Many Requests"),
    (Trouble.RATE, -32007, "50/second request limit reached - reduce calls per second"),  # QuickNode
    (Trouble.RATE, -32097, "-"),
    (Trouble.RATE, -32001, "Project ID request rate exceeded"),
    (Trouble.BLOCK, -32000, "header not found"),  # geth
    (Trouble.BLOCK, -32000, "header for hash not found"),
    (Trouble.BLOCK, -32000, "hash 0x12 is not currently canonical"),
    (Trouble.BLOCK, -32000, "missing trie node 12 (path ) state 0x12 is not available"),
    (Trouble.BLOCK, -32001, "Unable to find block hash"),  # EIP-1898's code
    (Trouble.BLOCK, -32602, "BlockOutOfRangeError: block height is 7 but requested was 9"),  # anvil
    (Trouble.BLOCK, -32000, "Unknown block"),
    (Trouble.BLOCK, -32000, "historical state 12 is not available"),
    (Trouble.REVERTED, 3, "execution reverted: rate limit of this token"),  # a contract's own words
    (Trouble.REVERTED, -32000, "execution reverted: block range is over"),
    (Trouble.REVERTED, -32000, "out of gas"),
    (Trouble.REVERTED, -32015, "VM execution error."),  # Parity
    (Trouble.REVERTED, -32603, "EVM error InvalidFEOpcode: invalid opcode"),
    (Trouble.UNFIT, -32601, "the method eth_foo does not exist/is not available"),
    (Trouble.UNFIT, -32602, "invalid argument 1: json: cannot unmarshal object into Go value of type string"),
    (Trouble.OTHER, -32603, "Internal error"),
    (Trouble.OTHER, None, ""),
]


@pytest.mark.parametrize(("trouble", "code", "message"), SAID)
def test_what_providers_say_is_told_apart(trouble: Trouble, code: int | None, message: str) -> None:
    """One code stands for a rate here and for the size of an answer there; the words decide."""
    assert failure_of({"code": code, "message": message}).trouble is trouble


@pytest.mark.parametrize("error", [None, "", 7, [], {}, {"code": "x", "message": {}}, {"data": {"rate": 7}}])
def test_an_error_of_any_shape_is_a_failure(error: Any) -> None:  # noqa: ANN401
    """It has a reason on one line, whatever stood there."""
    failure = failure_of(error)
    assert failure.trouble is Trouble.OTHER
    assert failure.said
    assert failure.seconds is None


def test_a_pause_that_a_provider_names_is_kept() -> None:
    """Infura's way; one of days is none."""
    named = {"code": -32005, "message": "limit exceeded", "data": {"rate": {"backoff_seconds": 30}}}
    assert failure_of(named).seconds == 30
    named["data"]["rate"]["backoff_seconds"] = 10**9  # pyright: ignore[reportArgumentType, reportIndexIssue]
    assert failure_of(named).seconds is None
    assert len(failure_of({"message": f"execution\nreverted {'x' * 1_000}"}).said) <= 200
