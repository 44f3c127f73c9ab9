"""`eth_getLogs`: which Transfer events a filter finds, and what is too much for it."""

from collections.abc import Sequence
from typing import Any, cast

from sandbox.evm.chain import Block, Log
from sandbox.evm.encoding import argument, data, quantity, read_address, read_object, topic, word
from sandbox.evm.problems import INVALID_PARAMS, SERVER, CallError, invalid
from sandbox.evm.view import View

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""The first topic of Transfer(address,address,uint256)."""
_TOPICS = 3
_TOO_WIDE = {
    "geth": (-32602, "exceed maximum block range: {range}"),
    "alchemy": (-32600, "You can make eth_getLogs requests with up to a {range} block range. Based on your {works}"),
    "infura": (-32005, "query block range exceeded, up to {range} blocks"),
    "quicknode": (-32614, "eth_getLogs is limited to a {range} range"),
}
_TOO_MANY = {
    "geth": (-32000, "query returned more than {logs} results"),
    "alchemy": (-32602, "Log response size exceeded. You can request a cap of {logs} logs. Based on your {works}"),
    "infura": (-32005, "query returned more than {logs} results. Try with this block range [{first:#x}, {last:#x}]."),
    "quicknode": (-32000, "eth_getLogs query returned more than {logs} results"),
}
_WORKS = "parameters, this block range should work: [{first:#x}, {last:#x}]"
"""In whose words a filter is refused, by code; Infura's is that of a quota."""


def get_logs(view: View, params: Sequence[object]) -> list[dict[str, Any]]:
    """The logs that a filter finds.

    Raises:
        CallError: it is wrong, or looks at too many blocks, or finds too much.
    """
    asked = read_object(argument(params, 0), 0)
    addresses = _alternatives(view, asked.get("address"))
    topics = _topics(view, asked.get("topics"))
    found: list[dict[str, Any]] = []
    blocks = _blocks(view, asked)
    for block in blocks:
        found += [_shown(block, log) for log in block.logs if _matches(log, addresses, topics)]
        if len(found) > view.settings.most_logs:
            middle = (blocks[0].number + block.number) // 2
            raise _refused(view, _TOO_MANY, blocks[0].number, max(blocks[0].number, middle))
    return found


def _blocks(view: View, asked: dict[str, object]) -> list[Block]:
    if "blockHash" in asked:
        if "fromBlock" in asked or "toBlock" in asked:
            raise invalid(0, "cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other")
        block = view.seen_by_hash(str(asked["blockHash"]))
        if block is None:
            raise CallError(SERVER, "unknown block")
        return [block]
    first, last = (view.number_of(asked.get(name, "latest"), 0) for name in ("fromBlock", "toBlock"))
    if first > last:
        raise CallError(INVALID_PARAMS, "invalid block range params")
    if last - first >= view.settings.largest_range:
        raise _refused(view, _TOO_WIDE, first, first + view.settings.largest_range - 1)
    if first < view.chain.oldest and view.chain.has_forgotten:
        raise CallError(4444, "pruned history unavailable")
    return [
        block
        for number in range(max(first, view.chain.oldest), min(last, view.head) + 1)
        if (block := view.seen(number)) is not None
    ]


def _refused(view: View, words: dict[str, tuple[int, str]], first: int, last: int) -> CallError:
    code, said = words[view.settings.provider]
    known = {"range": view.settings.largest_range, "logs": view.settings.most_logs, "first": first, "last": last}
    return CallError(code, said.format(works=_WORKS.format(**known), **known))


def _topics(view: View, value: object) -> list[set[str] | None]:
    """The alternatives of each topic; None for any."""
    if not isinstance(value, list | None):
        raise invalid(0, "topics must be a list")
    listed = cast("list[object]", value or [])
    return [_alternatives(view, one, lower=True) for one in listed]


def _alternatives(view: View, value: object, *, lower: bool = False) -> set[str] | None:
    """One address or topic, or a list of which each will do; None for any."""
    if value is None or value == []:
        return None
    listed = cast("list[object]", value) if isinstance(value, list) else [value]
    if len(listed) > view.settings.most_topics:
        raise CallError(INVALID_PARAMS, "exceed max addresses or topics per search position")
    if lower and not all(isinstance(one, str) for one in listed):
        raise invalid(0, "invalid topic(s)")
    return {str(one).lower() if lower else read_address(one, 0) for one in listed}


def _matches(log: Log, addresses: set[str] | None, topics: list[set[str] | None]) -> bool:
    transfer = log.transfer
    if len(topics) > _TOPICS or (addresses is not None and transfer.token not in addresses):
        return False
    pairs = zip(topics, (TRANSFER, topic(transfer.sender), topic(transfer.receiver)), strict=False)
    return all(wanted is None or has in wanted for wanted, has in pairs)


def _shown(block: Block, log: Log) -> dict[str, Any]:
    transfer = log.transfer
    return {
        "address": transfer.token,
        "topics": [TRANSFER, topic(transfer.sender), topic(transfer.receiver)],
        "data": data(word(transfer.amount)),
        "blockNumber": quantity(block.number),
        "blockHash": block.hash,
        "blockTimestamp": quantity(block.time),
        "transactionHash": log.transaction,
        "transactionIndex": quantity(block.transactions.index(log.transaction)),
        "logIndex": quantity(log.place),
        "removed": False,
    }
