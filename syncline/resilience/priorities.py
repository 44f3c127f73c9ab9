"""Who goes first in one budget: higher priorities, with a tenth for the lowest that has work.

Nobody queues: whoever is denied leaves word until when it will have come back, and what it then wants. Others leave
that much room for those who go first. Each admission over the head of the lowest that waits is owed to it; when it is
owed nine times what it wants, it goes first once: one tenth of what is spent.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from syncline.model.policies import Priority

__all__ = ["Ahead", "Queue", "ahead", "denied", "granted"]

_OWED_SHARE = 9
"""Nine admissions for the others, then one for the lowest."""

Three: TypeAlias = tuple[int, int, int]
"""A number for each priority: high, normal, low."""

_RANK = {Priority.HIGH: 0, Priority.NORMAL: 1, Priority.LOW: 2}


class Queue(Struct, frozen=True, kw_only=True):
    """Who waits for a budget; first, nobody.

    Attributes:
        owed: what others spent while the lowest that has work was waiting.
        until: until when each priority waits, in microseconds since 1970; 0: it does not.
        cost: what each of them wants.
    """

    owed: int = 0
    until: Three = (0, 0, 0)
    cost: Three = (0, 0, 0)


class Ahead(Struct, frozen=True, kw_only=True):
    """Those who go first: what they want in all, and until when they wait at most."""

    cost: int = 0
    until: int = 0


_NOBODY = Ahead()


def ahead(queue: Queue, priority: Priority, cost: int, now: int) -> Ahead:
    """Who goes before a request of `priority` that costs `cost`."""
    mine = _RANK[priority]
    waiting = _waiting(queue, mine, now)
    if not waiting:
        return _NOBODY
    first = [rank for rank in waiting if rank < mine]
    lowest = waiting[-1]
    if lowest < mine:
        first = [] if queue.owed >= _OWED_SHARE * cost else first
    elif queue.owed >= _OWED_SHARE * queue.cost[lowest]:
        first.append(lowest)
    if not first:
        return _NOBODY
    return Ahead(cost=sum(queue.cost[rank] for rank in first), until=max(queue.until[rank] for rank in first))


def granted(queue: Queue, priority: Priority, cost: int, now: int) -> Queue:
    """The queue after a request was admitted: it waits no more, and the lowest is owed for it."""
    mine = _RANK[priority]
    waiting = _waiting(queue, mine, now)
    if waiting and waiting[-1] > mine:
        owed = queue.owed + cost
    elif waiting:
        owed = max(0, queue.owed - _OWED_SHARE * cost)
    else:
        owed = 0
    if owed == queue.owed and not queue.until[mine]:
        return queue
    return Queue(owed=owed, until=_with(queue.until, mine, 0), cost=_with(queue.cost, mine, 0))


def denied(queue: Queue, priority: Priority, cost: int, *, retry_at: int, grace: int) -> Queue:
    """The queue after a request was denied until `retry_at`; it is waited for `grace` longer."""
    mine = _RANK[priority]
    if queue.until[mine] > retry_at and queue.cost[mine] >= cost:
        return queue
    until = max(queue.until[mine], retry_at + grace)
    return replace(queue, until=_with(queue.until, mine, until), cost=_with(queue.cost, mine, cost))


def _waiting(queue: Queue, mine: int, now: int) -> list[int]:
    """The other priorities that have work, the highest first."""
    return [rank for rank in (0, 1, 2) if rank != mine and queue.until[rank] > now]


def _with(three: Three, rank: int, value: int) -> Three:
    first, second, third = (value if index == rank else number for index, number in enumerate(three))
    return (first, second, third)
