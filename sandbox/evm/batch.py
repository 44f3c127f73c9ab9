"""A body of JSON-RPC to its answer: one call, or a batch, within the quota."""

from typing import Any, cast

from sandbox.evm.methods import result_of
from sandbox.evm.problems import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    CallError,
    Json,
    envelope,
    over_limit,
)
from sandbox.evm.view import View
from sandbox.evm.world import Node


class OverQuotaError(Exception):
    """The quota is spent, and the node says so by HTTP status."""


def answer(node: Node, view: View, body: object, *, cap: int | None = None) -> Json | list[Json] | None:
    """The answer to a body; of a batch at most `cap` answers. None: nothing was asked that wants an answer.

    Raises:
        OverQuotaError: the quota is spent.
    """
    if not isinstance(body, list):
        return _refusal(node, 1) or _answered(node, view, body, admitted=_admits(node))
    calls = cast("list[object]", body)
    if not calls:
        return _failed(INVALID_REQUEST, "empty batch")
    if len(calls) > node.settings.largest_batch:
        return _failed(INVALID_REQUEST, "batch too large")
    refused = _refusal(node, len(calls))
    if refused is not None:
        return refused
    answers = [_answered(node, view, call, admitted=_admits(node)) for call in calls]
    return _in_order(node, [one for one in answers if one is not None][:cap])


def _refusal(node: Node, calls: int) -> Json | None:
    """What is said to all calls at once where the quota does not reach; None where it does, or each is judged alone.

    Raises:
        OverQuotaError: it is said by HTTP status.
    """
    if node.settings.refusal == "calls" or node.admits(calls):
        return None
    if node.settings.refusal == "http":
        raise OverQuotaError
    return envelope(None, error=over_limit().body)


def _admits(node: Node) -> bool:
    """Whether a call is within the quota, where calls are judged one by one."""
    return node.settings.refusal != "calls" or node.admits(1)


def _answered(node: Node, view: View, call: object, *, admitted: bool) -> Json | None:
    """The answer to one call; None to a notification."""
    if not isinstance(call, dict):
        return _failed(INVALID_REQUEST, "invalid request")
    asked = cast("Json", call)
    call_id, method, params = asked.get("id"), asked.get("method"), asked.get("params", [])
    if not isinstance(method, str):
        return envelope(call_id, error=CallError(INVALID_REQUEST, "invalid request").body)
    try:
        if not admitted:
            raise over_limit()
        node.calls[method] += 1
        if not isinstance(params, list):
            raise CallError(INVALID_PARAMS, "non-array args")  # noqa: TRY301 - the same
        done = envelope(call_id, result=result_of(view, method, cast("list[Any]", params)))
    except CallError as error:
        done = envelope(call_id, error=error.body)
    return done if "id" in asked else None


def _in_order(node: Node, answers: list[Json]) -> list[Json] | None:
    """The answers in the node's order."""
    match node.settings.order:
        case "reversed":
            answers.reverse()
        case "shuffled":
            node.chance.shuffle(answers)
        case "asked":
            pass
    return answers or None


def _failed(code: int, message: str) -> Json:
    return envelope(None, error=CallError(code, message).body)
