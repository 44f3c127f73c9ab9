"""Who goes first in one budget: higher priorities, with a tenth for the lowest that has work.

Nobody queues: whoever is denied leaves word until when it will have come back, and what it then wants. Until then,
lower ones are denied even what is there. Each admission over the head of the lowest that waits is owed to it; when it
is owed nine times what it wants, all others stand back until it has had its turn: one tenth of what is spent.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from syncline.model.policies import Priority

__all__ = ["NOBODY", "SIBLINGS_US", "Queue", "denied", "granted", "stands_back_until"]

_OWED_SHARE = 9
"""Nine admissions for the others, then one for the lowest."""

_GRACE_US = 1_000_000
"""How long after its time a waiting request is still expected."""
SIBLINGS_US = 100_000
"""Others of the same priority were told the same time: they are expected for so long after one of them was admitted."""

Three: TypeAlias = tuple[int, int, int]
"""A number for each priority: high, normal, low."""

_RANK = {Priority.HIGH: 0, Priority.NORMAL: 1, Priority.LOW: 2}


class Queue(Struct, frozen=True, kw_only=True):
    """Who waits for a budget; first, nobody.

    Attributes:
        owed: what others spent while the lowest that has work was waiting.
        until: until when each priority is expected, in microseconds since 1970; 0: it does not wait.
        cost: what each of them wants.
    """

    owed: int = 0
    until: Three = (0, 0, 0)
    cost: Three = (0, 0, 0)


NOBODY = Queue()
"""Nobody waits, and nobody is owed anything: the object by which readers know that without looking."""


def stands_back_until(queue: Queue, priority: Priority, cost: int, now: int) -> int:
    """When a request of `priority` that costs `cost` should ask again, because others go first; 0: nobody does."""
    mine = _RANK[priority]
    waiting = _waiting(queue, mine, now)
    if not waiting:
        return 0
    first = [rank for rank in waiting if rank < mine]
    lowest = waiting[-1]
    if lowest < mine:
        first = [] if queue.owed >= _OWED_SHARE * cost else first
    elif queue.owed >= _OWED_SHARE * queue.cost[lowest]:
        first.append(lowest)
    if not first:
        return 0
    until = max(queue.until[rank] for rank in first)
    return min(until, max(until - _GRACE_US, now + SIBLINGS_US))


def granted(queue: Queue, priority: Priority, cost: int, now: int) -> Queue:
    """The queue after a request was admitted: the lowest is owed for it, and its own kind has a moment to come back."""
    mine = _RANK[priority]
    waiting = _waiting(queue, mine, now)
    if waiting and waiting[-1] > mine:
        owed = queue.owed + cost
    elif waiting:
        owed = max(0, queue.owed - _OWED_SHARE * cost)
    else:
        owed = 0
    until = min(queue.until[mine], now + SIBLINGS_US)
    if owed == queue.owed and until == queue.until[mine]:
        return queue
    return Queue(owed=owed, until=_with(queue.until, mine, until), cost=queue.cost)


def denied(queue: Queue, priority: Priority, cost: int, *, retry_at: int) -> Queue:
    """The queue after a request was denied until `retry_at`."""
    mine = _RANK[priority]
    if queue.until[mine] > retry_at and queue.cost[mine] >= cost:
        return queue
    until = max(queue.until[mine], retry_at + _GRACE_US)
    return replace(queue, until=_with(queue.until, mine, until), cost=_with(queue.cost, mine, cost))


def _waiting(queue: Queue, mine: int, now: int) -> list[int]:
    """The other priorities that have work, the highest first."""
    return [rank for rank in (0, 1, 2) if rank != mine and queue.until[rank] > now]


def _with(three: Three, rank: int, value: int) -> Three:
    first, second, third = (value if index == rank else number for index, number in enumerate(three))
    return (first, second, third)
