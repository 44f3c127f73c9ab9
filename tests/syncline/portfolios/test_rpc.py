import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import httpx
import msgspec
import pytest

from syncline.errors import RateLimitedError, RejectedError, UnavailableError
from syncline.model.page import Request
from syncline.portfolios.rpc import Call, Reply, Rpc
from syncline.portfolios.size import Size
from syncline.portfolios.trouble import Failure, Trouble
from syncline.upstreams.client import Received

Asked: TypeAlias = list[dict[str, Any]]
LIMITED = {"code": -32005, "message": "limit exceeded"}


Say: TypeAlias = Callable[[Asked, int], Any]


def always(answer: Any) -> Say:  # noqa: ANN401
    def say(calls: Asked, number: int) -> Any:  # noqa: ANN401
        return answer

    return say


def result(call: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": call["id"], "result": call["params"][0]}


def refused(call: dict[str, Any], error: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": call["id"], "error": error}


@dataclass
class Node:
    """A transport that answers `say(calls, request number)`: JSON, bytes, a status with them, or an error to raise."""

    say: Say
    name: str = "chain_1"
    max_in_flight: int = 8
    sizes: list[int] = field(default_factory=list[int])
    costs: list[int] = field(default_factory=list[int])
    slowed: list[Failure] = field(default_factory=list[Failure])

    async def send(self, request: Request) -> Received:
        said: Any = msgspec.json.decode(request.body or b"")
        calls = cast("Asked", said if isinstance(said, list) else [said])
        self.sizes.append(len(calls))
        self.costs.append(request.cost)
        assert len(self.sizes) < 400, "this has no end"
        answer = self.say(calls, len(self.sizes))
        if isinstance(answer, Exception):
            raise answer
        status, body = cast("tuple[int, Any]", answer) if isinstance(answer, tuple) else (200, answer)
        if isinstance(body, list) and not isinstance(said, list):
            body = next(iter(cast("list[Any]", body)), {"id": None})
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return Received(content=content, headers=httpx.Headers(), status_code=status, url="http://node")

    async def slow_down(self, failure: Failure) -> None:
        self.slowed.append(failure)

    def ask(self, calls: int, *, batch: int = 100) -> list[Reply]:
        rpc = Rpc(self, batch_calls=batch, slow_down=self.slow_down)
        return asyncio.run(rpc.ask([Call(method="m", params=(f"0x{number:x}",)) for number in range(calls)]))


def expected(calls: int) -> list[str]:
    return [f"0x{number:x}" for number in range(calls)]


def backwards(calls: Asked, number: int) -> Any:  # noqa: ANN401
    return [result(call) for call in reversed(calls)]


def with_ids_as_text(calls: Asked, number: int) -> Any:  # noqa: ANN401
    return [{**result(call), "id": str(call["id"])} for call in calls]


def in_part(calls: Asked, number: int) -> Any:  # noqa: ANN401
    return [result(call) for call in calls[::2]]


def with_strangers(calls: Asked, number: int) -> Any:  # noqa: ANN401
    return ["?", None, {"id": None, "result": "0xff"}, {"id": 99, "result": "0xff"}, *backwards(calls, number)]


def too_long(calls: Asked, number: int) -> Any:  # noqa: ANN401
    return {"error": {"code": -32600, "message": "batch too large"}} if len(calls) > 3 else backwards(calls, number)


def too_long_by_status(calls: Asked, number: int) -> Any:  # noqa: ANN401
    return (413, b"<html>Request Entity Too Large") if len(calls) > 3 else backwards(calls, number)


def without_batches(calls: Asked, number: int) -> Any:  # noqa: ANN401
    return (400, {"error": {"code": -32700, "message": "parse error"}}) if len(calls) > 1 else backwards(calls, number)


def slow(calls: Asked, number: int) -> Any:  # noqa: ANN401
    return UnavailableError("no answer in time", upstream="chain_1") if len(calls) > 5 else backwards(calls, number)


def limited_in_part(calls: Asked, number: int) -> Any:  # noqa: ANN401
    allowed = 4 if number == 1 else len(calls)
    return [result(call) for call in calls[:allowed]] + [refused(call, LIMITED) for call in calls[allowed:]]


def limited_as_a_whole(calls: Asked, number: int) -> Any:  # noqa: ANN401
    return {"jsonrpc": "2.0", "id": None, "error": LIMITED} if number == 1 else backwards(calls, number)


def limited_by_status(calls: Asked, number: int) -> Any:  # noqa: ANN401
    return RateLimitedError("slow down", upstream="chain_1") if number <= 2 else backwards(calls, number)


def failing_once(calls: Asked, number: int) -> Any:  # noqa: ANN401
    if number > 1:
        return backwards(calls, number)
    return [refused(call, {"code": -32603, "message": "Internal error"}) for call in calls[:3]] + backwards(
        calls[3:], 1
    )


def contradicting_once(calls: Asked, number: int) -> Any:  # noqa: ANN401
    return (
        [*backwards(calls, number), {"id": calls[0]["id"], "result": "0xbad"}] if number == 1 else backwards(calls, 2)
    )


ODD: list[Say] = [
    *(backwards, with_ids_as_text, in_part, with_strangers, too_long, too_long_by_status, without_batches, slow),
    *(limited_in_part, limited_as_a_whole, limited_by_status, failing_once, contradicting_once),
]


@pytest.mark.parametrize("say", ODD, ids=lambda say: getattr(say, "__name__", "?"))
def test_each_call_gets_its_own_answer_however_the_node_answers(say: Say) -> None:
    """In any order, in part, with strangers, too long, slow, limited: what was not answered is asked again."""
    node = Node(say)
    assert node.ask(11) == expected(11)
    assert node.costs == node.sizes  # each call of a batch is billed
    assert bool(node.slowed) is (say in {limited_in_part, limited_as_a_whole})


def test_the_size_that_a_node_takes_is_remembered() -> None:
    """Another read does not begin with what was refused; a single call is no list."""
    node = Node(too_long)
    rpc = Rpc(node, batch_calls=12, slow_down=node.slow_down)
    calls = [Call(method="m", params=(f"0x{number:x}",)) for number in range(12)]
    assert asyncio.run(rpc.ask(calls)) == expected(12)
    before = len(node.sizes)
    assert asyncio.run(rpc.ask(calls)) == expected(12)
    assert node.sizes[before:] == [3, 3, 3, 3]


def test_a_size_grows_again_slowly_and_only_by_what_used_it_up() -> None:
    """A limit that was a hiccup is forgotten, and one that is firm costs little."""
    size = Size(100)
    size.shrink(100)
    size.shrink(100)  # of the same burst
    assert size.current == 50
    for used in [10] * 1_000 + [50] * 63:
        size.went_well(used)
    assert size.current == 50
    size.went_well(50)
    assert size.current == 100
    Size(1).shrink(1)
    assert Size(1).current == 1


def test_what_is_never_answered_is_a_failure_and_no_zero() -> None:
    """The others have their results."""
    replies = Node(lambda calls, _: [result(call) for call in calls if call["params"][0] != "0x2"]).ask(5)
    assert [reply for reply in replies if not isinstance(reply, Failure)] == ["0x0", "0x1", "0x3", "0x4"]
    assert replies[2] == Failure(trouble=Trouble.MISSING, said="the batch's answer leaves this call out")


FAILING: list[tuple[Say, str]] = [
    (lambda calls, _: [refused(call, {"code": 3, "message": "execution reverted"}) for call in calls], "reverted"),
    (lambda calls, _: [refused(call, {"code": -32603, "message": "Internal error"}) for call in calls], "other"),
    (lambda calls, _: [refused(call, "?") for call in calls], "other"),
    (always({"error": {"code": -32601, "message": "method not found"}}), "unfit"),
    (lambda calls, _: {"hello": "world"} if len(calls) > 1 else {"id": "x"}, "missing"),
    (lambda calls, _: [{"id": 77}] * len(calls), "missing"),
]


@pytest.mark.parametrize(("say", "trouble"), FAILING)
def test_failures_are_told_for_each_call(say: Say, trouble: str) -> None:
    """And asked again a bounded number of times."""
    node = Node(say)
    replies = node.ask(4)
    assert [reply.trouble for reply in replies if isinstance(reply, Failure)] == [trouble] * 4
    assert len(node.sizes) < 30


def test_a_null_is_a_result_of_its_own() -> None:
    """A block that a node does not know is null; what it means is the asker's business."""
    assert Node(lambda calls, _: [{"id": call["id"], "result": None} for call in calls]).ask(3) == [None, None, None]


GIVEN_UP: list[tuple[Say, type[Exception], str]] = [
    (always(UnavailableError("could not be read", upstream="chain_1")), UnavailableError, "could not be read"),
    (always(b'{"jsonrpc": "2.0", "id": 0, "res'), UnavailableError, "cut, or no JSON-RPC"),
    (always(b"[" * 100_000), UnavailableError, "cut, or no JSON-RPC"),
    (always(b"7"), UnavailableError, "cut, or no JSON-RPC"),
    (always((400, b"Bad Request")), RejectedError, "did not say why"),
    (lambda calls, _: [refused(call, LIMITED) for call in calls], RateLimitedError, "asks to slow down: limit"),
    (always({"error": LIMITED}), RateLimitedError, "asks to slow down: limit exceeded"),
]


@pytest.mark.parametrize(("say", "error", "said"), GIVEN_UP)
def test_a_node_that_cannot_be_asked_is_given_up_soon(say: Say, error: type[Exception], said: str) -> None:
    """Smaller batches are tried a few times: a provider that is down is not hammered."""
    node = Node(say)
    with pytest.raises(error, match=said):
        node.ask(64)
    assert len(node.sizes) <= 40


def test_what_goes_on_beside_a_failed_batch_ends_with_it() -> None:
    """No request is left under way that nobody waits for."""
    under_way: list[str] = []

    class Slow(Node):
        async def send(self, request: Request) -> Received:
            received = await super().send(request)
            under_way.append("began")
            try:
                await asyncio.Event().wait()
            finally:
                under_way.append("ended")
            return received

    def say(calls: Asked, number: int) -> Any:  # noqa: ANN401
        return RejectedError("no", upstream="chain_1") if number == 3 else backwards(calls, number)

    with pytest.raises(RejectedError):
        Slow(say).ask(6, batch=2)
    assert under_way == ["began", "began", "ended", "ended"]
