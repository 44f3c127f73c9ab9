"""JSON-RPC over HTTP: many calls in one request, and one answer for each of them, or what went wrong with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias, TypeVar, cast

import msgspec

from syncline.errors import RateLimitedError, RejectedError, UnavailableError
from syncline.model.page import Answer, Json, Request, Transport
from syncline.portfolios.size import Size
from syncline.portfolios.trouble import Failure, Trouble, failure_of

__all__ = ["Call", "Reply", "Rpc", "together"]

T = TypeVar("T")
Reply: TypeAlias = "Json | Failure"
"""A call's result; null where the node says so."""
_JUDGED = frozenset({400, 413})
"""Statuses with which providers refuse a batch that is too long."""
_HEADERS = {"Content-Type": "application/json"}
_AGAIN = frozenset({Trouble.RATE, Trouble.MISSING, Trouble.OTHER})
"""What is asked once more as it is."""
_TRIES = 3
"""How often a call is asked again in vain, before its failure is believed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A method and its parameters."""

    method: str
    params: Sequence[Any] = ()


class Rpc:
    """Asks one node, and remembers how many calls it takes at once.

    An answer that is late, cut, doubled or in another order never becomes the answer to another call.
    """

    def __init__(
        self, transport: Transport, *, batch_calls: int, slow_down: Callable[[Failure], Awaitable[None]]
    ) -> None:
        """Send by `transport`, `batch_calls` in one request at most.

        `slow_down` is awaited where the node asks for it inside an answer, which the transport takes for a success: it
        sees to it that the next request waits, or raises.
        """
        self._transport = transport
        self._slow_down = slow_down
        self._batch = Size(batch_calls)

    @property
    def name(self) -> str:
        """The upstream's name."""
        return self._transport.name

    async def ask(self, calls: Sequence[Call]) -> list[Reply]:
        """The reply to each of `calls`, in their order; none takes no request.

        Raises:
            UpstreamError: the node could not be asked at all.
            DeferredError: its budget is spent, or a hold is in force.
        """
        return await self._replies(calls, _TRIES) if calls else []

    async def one(self, method: str, *params: Any) -> Reply:  # noqa: ANN401 - whatever a method takes
        """The reply to a single call; raises as `ask` does."""
        (reply,) = await self.ask([Call(method=method, params=params)])
        return reply

    async def _replies(self, calls: Sequence[Call], tries: int) -> list[Reply]:
        """Ask as many at once as the node takes, smaller batches where it did not, and again what had no answer."""
        size = self._batch.current
        if len(calls) > size:
            works = [self._replies(calls[at : at + size], tries) for at in range(0, len(calls), size)]
            found = await together(works) if tries == _TRIES else await one_by_one(works)
            return list(chain.from_iterable(found))
        try:
            replies = await self._exchange(calls)
        except UnavailableError:
            if not tries or len(calls) == 1:
                raise
            self._batch.shrink(len(calls))
            return await self._replies(calls, tries - 1)
        except RateLimitedError:  # the transport waits until the provider's time, or raises
            if not tries:
                raise
            return await self._replies(calls, tries - 1)
        return await self._asked_again(calls, replies, tries)

    async def _asked_again(self, calls: Sequence[Call], replies: list[Reply], tries: int) -> list[Reply]:
        """`replies`, with another try for those of which nothing may be concluded."""
        failures = [(index, reply) for index, reply in enumerate(replies) if isinstance(reply, Failure)]
        is_whole = len(calls) > 1 and len(failures) == len(calls) and all(one is replies[0] for one in replies)
        again = [index for index, reply in failures if reply.trouble in _AGAIN or is_whole]
        if not again:
            self._batch.went_well(len(calls))
            return replies
        rates = [reply for _, reply in failures if reply.trouble is Trouble.RATE]
        if not tries and not is_whole:
            return self._given_up(replies, rates)
        self._batch.shrink(len(calls))
        if rates:
            await self._slow_down(rates[0])
        anew = await self._replies([calls[index] for index in again], tries - bool(tries))
        for index, reply in zip(again, anew, strict=True):
            replies[index] = reply
        return replies

    def _given_up(self, replies: list[Reply], rates: list[Failure]) -> list[Reply]:
        """The replies as they are; where the provider still asks to slow down, the run does."""
        if rates:
            raise RateLimitedError(f"{self.name} asks to slow down: {rates[0].said}", upstream=self.name)
        return replies

    async def _exchange(self, calls: Sequence[Call]) -> list[Reply]:
        """One request with all of `calls`, and what was answered to each."""
        written = [
            {"jsonrpc": "2.0", "id": index, "method": call.method, "params": list(call.params)}
            for index, call in enumerate(calls)
        ]
        body = msgspec.json.encode(written if len(written) > 1 else written[0])
        request = Request(path="", method="POST", headers=_HEADERS, body=body, cost=len(calls), accept=_JUDGED)
        answer = await self._transport.send(request)
        said = self._read(answer, len(calls))
        if isinstance(said, dict) and (len(calls) > 1 or "error" in said):
            return [_failure(said)] * len(calls)
        return _matched(said if isinstance(said, list) else [said], len(calls))

    def _read(self, answer: Answer, calls: int) -> dict[str, Any] | list[Any]:
        try:
            said: object = msgspec.json.decode(answer.content)
        except (ValueError, RecursionError):
            said = None
        if isinstance(said, dict | list):
            return cast("dict[str, Any] | list[Any]", said)
        if answer.status_code in _JUDGED:
            if calls > 1:
                return {"error": {"message": f"a batch too large (HTTP {answer.status_code})"}}
            message = f"{self.name} rejected a call ({answer.status_code}), and did not say why"
            raise RejectedError(message, upstream=self.name, status=answer.status_code)
        message = f"{self.name} answered with a body that is cut, or no JSON-RPC"
        raise UnavailableError(message, upstream=self.name, status=answer.status_code)


async def together(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of `works`, done at the same time; the first that raises ends the others, and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
    except ExceptionGroup as raised:
        raise raised.exceptions[0] from None
    return [task.result() for task in tasks]


async def one_by_one(works: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of `works`, one after the other: what has just failed at a node is not sent there all at once."""
    found: list[T] = []
    try:
        for work in works:
            found.append(await work)  # noqa: PERF401 - those behind one that fails are closed
    finally:
        for work in works[len(found) :]:
            work.close()
    return found


def _failure(said: dict[str, Any]) -> Failure:
    """What one object in place of an answer to each call means; one without an error is no answer to them."""
    if "error" in said:
        return failure_of(said["error"])
    return Failure(trouble=Trouble.MISSING, said="a batch was answered with a single object")


def _matched(said: Sequence[Any], calls: int) -> list[Reply]:
    """The reply to each call by its id, whatever the order."""
    found: dict[int, Reply] = {}
    doubled: set[int] = set()
    for one in (cast("dict[str, Any]", given) for given in said if isinstance(given, dict)):
        index = _index(one)
        if index is None:
            continue
        reply: Reply = failure_of(one["error"]) if one.get("error") is not None else one.get("result")
        if index in found and found[index] != reply:
            doubled.add(index)
        found[index] = reply
    missing = Failure(trouble=Trouble.MISSING, said="the batch's answer leaves this call out")
    twice = Failure(trouble=Trouble.MISSING, said="the batch's answer has two different answers to this call")
    return [twice if index in doubled else found.get(index, missing) for index in range(calls)]


def _index(one: dict[str, Any]) -> int | None:
    """The number of the call that `one` answers; some proxies write it as text."""
    text = str(one.get("id"))
    return int(text) if text.isascii() and text.isdecimal() else None
