"""JSON-RPC around the machine, as a node speaks it, and the ways in which nodes differ or fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import httpx
import msgspec

from support.evm.machine import Evm, Log, Mined, RevertedError

__all__ = ["EvmNode", "error"]


class _Refused(Exception):  # noqa: N818 - it becomes an answer
    def __init__(self, code: int, message: str) -> None:
        self.error = {"code": code, "message": message}
        super().__init__(message)


_Where: TypeAlias = "str | dict[str, Any]"
"""A block's number, or what EIP-1898 names it by."""


def _as_they_are(answers: list[Any]) -> Any:  # noqa: ANN401 - whatever is to be sent
    return answers


def _nothing(method: str, params: Sequence[Any]) -> None:
    del method, params


def error(code: int, message: str, **more: object) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **more}}


@dataclass
class EvmNode:
    """Answers requests from a machine's chain.

    Attributes:
        evm: the machine.
        chain_id: what it says it is.
        takes_hash: whether it knows EIP-1898; False: refuses it; None: overlooks it, and reads its newest block.
        most_batch: so many calls it takes in a batch.
        most_data: so many bytes of a call it takes, a stand-in for gas.
        log_blocks, log_results: what a search for logs may span and find.
        logs_from: it keeps no logs of blocks before.
        behind: so many of the newest blocks it does not know.
        twist: changes the list of answers before it is sent.
        before: called with each call before it is carried out.
        asked, requests, calls: the method of each call, how many calls each request held, and which.
    """

    evm: Evm
    chain_id: int = 1
    takes_hash: bool | None = True
    most_batch: int = 1_000
    most_data: int = 1_000_000
    log_blocks: int = 10_000
    log_results: int = 10_000
    logs_from: int = 0
    behind: int = 0
    twist: Callable[[list[Any]], Any] = _as_they_are
    before: Callable[[str, Sequence[Any]], object] = _nothing
    asked: list[str] = field(default_factory=list[str])
    requests: list[int] = field(default_factory=list[int])
    calls: list[list[dict[str, Any]]] = field(default_factory=list[list[dict[str, Any]]])

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """For `httpx.MockTransport`."""
        said: Any = msgspec.json.decode(request.content)
        is_batch = isinstance(said, list)
        calls = cast("list[dict[str, Any]]", said if is_batch else [said])
        self.requests.append(len(calls))
        self.calls.append(calls)
        if len(calls) > self.most_batch:
            body: Any = error(-32600, f"batch of more than {self.most_batch} calls")
        else:
            body = self.twist([self._answered(call) for call in calls])
        if isinstance(body, httpx.Response):
            return body
        if isinstance(body, list) and not is_batch:
            body = next(iter(body), None)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        return httpx.Response(200, content=msgspec.json.encode(body), headers={"content-type": "application/json"})

    def _answered(self, call: dict[str, Any]) -> dict[str, Any]:
        told = {"jsonrpc": "2.0", "id": call["id"]}
        self.asked.append(call["method"])
        self.before(call["method"], call["params"])
        try:
            return {**told, "result": getattr(self, f"_{call['method']}")(*call["params"])}
        except _Refused as refused:
            return {**told, "error": refused.error}
        except RevertedError as reverted:
            return {**told, **error(3, str(reverted), data="0x")}

    @property
    def _blocks(self) -> Sequence[Mined]:
        return self.evm.blocks[: len(self.evm.blocks) - self.behind]

    def _eth_chainId(self) -> str:  # noqa: N802 - as the protocol has it
        return hex(self.chain_id)

    def _eth_getBlockByNumber(self, number: str, whole: bool) -> dict[str, Any] | None:  # noqa: N802, FBT001
        del whole
        blocks = self._blocks
        found = (
            blocks[-1] if number == "latest" else next((one for one in blocks if one.number == int(number, 16)), None)
        )
        if found is None:
            return None
        return {
            "number": hex(found.number),
            "hash": found.hash,
            "parentHash": found.parent,
            "timestamp": hex(found.timestamp),
        }

    def _eth_getBalance(self, wallet: str, where: _Where) -> str:  # noqa: N802
        return hex(self.evm.balance(self._at(where), wallet))

    def _eth_call(self, call: dict[str, str], where: _Where) -> str:
        data = bytes.fromhex(call["data"][2:])
        if len(data) > self.most_data:
            raise _Refused(-32000, "out of gas")
        return f"0x{self.evm.call(self._at(where), call['to'], data).hex()}"

    def _eth_getLogs(self, asked: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: N802
        first, last = int(asked["fromBlock"], 16), int(asked["toBlock"], 16)
        if last - first >= self.log_blocks:
            raise _Refused(-32600, f"block range too large: at most {self.log_blocks} blocks")
        if first < self.logs_from:
            raise _Refused(4444, "pruned history unavailable")
        found = [
            (block, log)
            for block in self._blocks
            if first <= block.number <= last
            for log in block.logs
            if _matches(log, asked["topics"])
        ]
        if len(found) > self.log_results:
            raise _Refused(-32005, f"query returned more than {self.log_results} results")
        return [
            {
                "address": log.address,
                "topics": list(log.topics),
                "data": log.data,
                "blockNumber": hex(block.number),
                "blockHash": block.hash,
                "removed": False,
            }
            for block, log in found
        ]

    def _at(self, where: _Where) -> Mined:
        blocks = self._blocks
        if isinstance(where, str):
            found = next((one for one in blocks if one.number == int(where, 16)), None)
        elif self.takes_hash is None:
            found = blocks[-1]
        elif not self.takes_hash:
            raise _Refused(-32602, "invalid argument 1: json: cannot unmarshal object into Go value of type string")
        else:
            found = next((one for one in blocks if one.hash == where["blockHash"]), None)
        if found is None:
            raise _Refused(-32000, "header not found")
        return found


def _matches(log: Log, topics: Sequence[Any]) -> bool:
    """Whether a log has these topics; None: any, a list: one of them."""
    if len(log.topics) < len(topics):
        return False
    return all(
        wanted is None or found in (wanted if isinstance(wanted, list) else [wanted])
        for found, wanted in zip(log.topics, topics, strict=False)
    )
