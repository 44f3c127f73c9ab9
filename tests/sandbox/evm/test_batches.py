"""Batches, quotas and logs: what is billed, refused, left out, and in which order it comes."""

from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest

import sandbox
from sandbox.evm.address import ZERO, checksummed
from sandbox.evm.batch import OverQuotaError, answer
from sandbox.evm.logs import TRANSFER
from sandbox.evm.moves import Transfer
from sandbox.evm.view import View
from sandbox.evm.world import Evm, Node

Ask = Any
USDC = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"


def calls(*methods: str) -> list[dict[str, object]]:
    return [{"jsonrpc": "2.0", "id": turn, "method": method, "params": []} for turn, method in enumerate(methods)]


def said(node: Node, body: object, **how: Any) -> Any:  # noqa: ANN401 - any JSON
    return answer(node, View(node), body, **how)


def test_a_batch_is_answered_in_any_order_and_in_part(evm: Evm) -> None:
    """Answers belong to their ids, and one that is missing is not known."""
    node = evm[1]
    asked = calls(*["eth_chainId", "eth_blockNumber", "eth_unknown"] * 4)
    expected = {one["id"]: one for one in said(node, asked)}
    assert [one["id"] for one in said(node, asked)] == list(range(12))
    assert expected[2]["error"]["code"] == -32601
    for order in ("reversed", "shuffled"):
        node.settings = node.settings.changed({"order": order})
        answers = said(node, asked)
        assert [one["id"] for one in answers] != list(range(12))
        assert {one["id"]: one for one in answers} == expected
    assert len(said(node, asked, cap=5)) == 5
    assert said(node, [{"method": "eth_chainId"}]) is None
    assert node.calls["eth_chainId"] == 4 * 5 + 1


@pytest.mark.parametrize(
    ("body", "code"),
    [([], -32600), ([1], -32600), ([{"id": 1}], -32600), (calls("eth_chainId") * 3, -32600), (7, -32600)],
)
def test_a_batch_that_cannot_be_is_told(evm: Evm, body: object, code: int) -> None:
    """One that is too large is answered with a single error object, and costs nothing."""
    evm[1].settings = evm[1].settings.changed({"largest_batch": 2})
    told = said(evm[1], body)
    first = cast("dict[str, Any]", told[0] if isinstance(told, list) else told)
    assert first["error"]["code"] == code
    assert not evm[1].calls


def test_each_call_of_a_batch_is_billed(evm: Evm) -> None:
    """The quota is one of calls; over it all are refused by status, all by one object, or each that is too many."""
    node = evm[1]
    batch = calls(*["eth_chainId"] * 4)
    node.settings = node.settings.changed({"calls_limit": 10, "window_seconds": 60})
    assert [len(said(node, batch)) for _ in range(2)] == [4, 4]
    with pytest.raises(OverQuotaError):
        said(node, batch)
    node.settings = node.settings.changed({"refusal": "object"})
    assert said(node, batch)["error"]["code"] == -32005
    node.settings = node.settings.changed({"refusal": "calls"})
    assert ["result" in one for one in said(node, batch)] == [True, True, False, False]
    assert (node.window.admitted, node.window.refused, node.window.fullest) == (10, 10, 10)
    node.forget()
    assert (node.window.admitted, node.calls) == (0, {})


def test_logs_are_found_by_what_topics_and_addresses_say(evm: Evm, ask: Ask) -> None:
    """Either end of a transfer, of many wallets at once; the chain's own coin moves without a log."""
    chain, (one, other, third) = evm[1].chain, evm.wallets[:3]
    start = chain.head + 1
    for sender, receiver, amount in ((ZERO, one, 7), (one, other, 3), (ZERO, third, 1)):
        chain.pay(Transfer(token=USDC, sender=sender, receiver=receiver, amount=amount))
    block = chain.pay(Transfer(token=ZERO, sender=ZERO, receiver=one, amount=9))

    def found(*topics: object, **more: object) -> list[int]:
        asked = {"fromBlock": hex(start), "toBlock": "latest", "topics": list(topics), **more}
        return [int(log["data"], 16) for log in ask("eth_getLogs", asked)]

    padded = {who: "0x" + "0" * 24 + who[2:] for who in (one, other, third)}
    assert found() == found(TRANSFER) == found(TRANSFER, address=[USDC.upper().replace("X", "x")]) == [7, 3, 1]
    assert found(TRANSFER, None, [padded[one], padded[third]]) == [7, 1]
    assert found(TRANSFER, padded[one]) == found([TRANSFER], [padded[one]], []) == [3]
    assert found("0x" + "1" * 64) == found(None, None, None, None) == found(address="0x" + "7" * 40) == []
    log = ask("eth_getLogs", {"fromBlock": hex(start + 1), "toBlock": hex(start + 1)})[0]
    mined = chain.block(start + 1)
    assert mined is not None
    assert (log["blockHash"], log["topics"]) == (mined.hash, [TRANSFER, padded[one], padded[other]])
    assert ask("eth_getLogs", {"blockHash": mined.hash}) == [log]
    assert ask("eth_getLogs", {"blockHash": block.hash}) == []
    assert ask("eth_getLogs", {"fromBlock": hex(start), "toBlock": "latest"}, lag=2)[-1] == log


@pytest.mark.parametrize(
    ("provider", "wide", "many"),
    [("geth", -32602, -32000), ("alchemy", -32600, -32602), ("infura", -32005, -32005), ("quicknode", -32614, -32000)],
)
def test_logs_that_are_too_many_are_refused_as_providers_do(
    evm: Evm, ask: Ask, provider: str, wide: int, many: int
) -> None:
    """Each has its own code and words, and one of them has that of a quota."""
    chain = evm[1].chain
    evm[1].settings = evm[1].settings.changed(
        {"provider": provider, "largest_range": 30, "most_logs": 5, "most_topics": 2}
    )
    first = {"fromBlock": hex(chain.oldest)}
    assert ask("eth_getLogs", {**first, "toBlock": hex(chain.oldest + 30)})["code"] == wide
    told = ask("eth_getLogs", {**first, "toBlock": hex(chain.oldest + 29)})
    assert (told["code"], "5" in told["message"]) == (many, True)
    assert ask("eth_getLogs", {"fromBlock": "0x0", "toBlock": "0x1"}) == []
    chain.kept = 10
    chain.mine()
    assert ask("eth_getLogs", {**first, "toBlock": first["fromBlock"]})["code"] == 4444
    assert "topics" in ask("eth_getLogs", {**first, "topics": [["0x1", "0x2", "0x3"]]})["message"]


@pytest.fixture
def box() -> Iterator[sandbox.Box]:
    with sandbox.serving(products=1, customers=1, pools=1, mentions=1) as served:
        yield served


def test_over_http_faults_and_controls_reach_the_chain(box: sandbox.Box) -> None:
    """What the demo and tests of other processes do."""
    wallet, path = box.evm.wallets[0], f"{box.url}/evm/1"
    knobs = f"{box.url}/sandbox/evm"
    listed = httpx.get(f"{knobs}/wallets").json()["wallets"]
    assert {row["address"] for row in listed} == set(map(checksummed, box.evm.wallets))

    def balance(url: str = path) -> Any:  # noqa: ANN401 - any JSON
        return (
            httpx.post(url, json={"id": 1, "method": "eth_getBalance", "params": [wallet, "latest"]})
            .json()
            .get("result")
        )

    native = hex(box.evm[1].chain.held(ZERO, wallet))
    assert balance() == balance(f"{path}/some-key") == native
    paid = {"receiver": checksummed(wallet), "amount": str(10**30)}
    head = httpx.post(f"{knobs}/1/transfer", json=paid).json()
    assert balance() == hex(int(native, 16) + 10**30)
    told = httpx.get(f"{knobs}/1/balances/{checksummed(wallet)}").json()
    assert (told["block"], told["hash"]) == (head["head"], head["hash"])
    assert told["balances"][ZERO] == str(int(native, 16) + 10**30)
    box.faults.add("lagging", path="/evm/1", blocks=1)
    box.faults.add("bad_rows", path="/evm/1", how="zero", skip=1)
    reorg = box.faults.add("reorg", path="/evm/1", mode="revert", skip=2)
    assert [balance() for _ in range(4)] == [native, "0x0", hex(int(native, 16) + 10**30), native]
    assert reorg.touched == [head["hash"]]
    assert httpx.post(f"{knobs}/1/mine", json={"blocks": 3}).json()["head"] == head["head"] + 2
    assert httpx.post(f"{knobs}/1/reorg", json={"depth": 2}).json()["head"] == head["head"] + 3
    assert httpx.post(f"{knobs}/1/settings", json={"calls_limit": 1, "window_seconds": 1000}).status_code == 200
    httpx.delete(f"{knobs}/1/calls")
    over = [httpx.post(path, json=calls("eth_chainId")) for _ in range(2)][1]
    assert (over.status_code, over.json()["error"]["code"], int(over.headers["Retry-After"]) > 990) == (
        429,
        -32005,
        True,
    )
    assert httpx.get(knobs).json()["chains"]["1"]["refused"] == 1
    assert httpx.post(f"{box.url}/evm/8453", json=calls("eth_chainId")).json()[0]["result"] == "0x2105"
    assert httpx.post(path, content=b"{").json()["error"]["code"] == -32700
    assert httpx.post(f"{box.url}/evm/10", json={}).status_code == 404


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ({"kind": "reorg", "path": "/erp/products"}, "/evm/"),
        ({"kind": "lagging"}, "/evm/"),
        ({"kind": "moving_rows", "mode": "delete_early", "path": "/evm/1"}, "reorg"),
        ({"kind": "bad_rows", "how": "rotten", "path": "/evm/1"}, "zero"),
    ],
)
def test_faults_that_fit_no_chain_are_refused(box: sandbox.Box, fault: dict[str, Any], word: str) -> None:
    """A fault that silently never strikes would make a test pass for nothing."""
    with pytest.raises(ValueError, match=word):
        box.faults.order(fault)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("1/settings", {"order": "odd"}),
        ("1/settings", {"lies": {"0xAB": "zero"}}),
        ("1/mine", {"blocks": 0}),
        ("1/revert", {"depth": 9999}),
        ("1/transfer", {"receiver": "0x12", "amount": "1"}),
        ("1/transfer", {"receiver": USDC, "amount": "1", "sender": "0x" + "9" * 40}),
        ("1/transfer", {"receiver": USDC, "amount": 1}),
    ],
)
def test_a_wrong_order_is_refused(box: sandbox.Box, path: str, body: dict[str, Any]) -> None:
    """Nothing of it is done."""
    before = box.evm[1].state()
    assert httpx.post(f"{box.url}/sandbox/evm/{path}", json=body).status_code == 422
    assert box.evm[1].state() == before
