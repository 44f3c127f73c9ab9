from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import count
from threading import Lock
from typing import Any, TypeVar

import msgspec

from sandbox.faults import AnyFault, Decisive, Fault, read_fault

FaultT = TypeVar("FaultT", bound=Fault)


@dataclass(kw_only=True)
class Order:
    """A fault that was ordered, and how far it has come."""

    id: int
    fault: AnyFault
    seen: int = 0
    """Matching requests so far."""
    struck: int = 0
    """Requests it was done to."""
    touched: list[int | str] = field(default_factory=list[int | str])
    """Ids of the rows that it moved, newest last."""
    removed: Future[None] = field(default_factory=Future[None])
    """Done once it is removed: what waits for it goes on."""

    @property
    def kind(self) -> str:
        """The name of its kind of fault."""
        return str(self.fault.__struct_config__.tag)

    @property
    def remaining(self) -> int | None:
        """Strikes left; None for no end."""
        return None if self.fault.count is None else self.fault.count - self.struck

    def as_json(self) -> dict[str, Any]:
        """The order as `GET /sandbox/faults` shows it."""
        progress = {"struck": self.struck, "remaining": self.remaining, "touched": self.touched}
        return {"id": self.id, **msgspec.to_builtins(self.fault), **progress}


class FaultBook:
    """All ordered faults; spent ones stay listed, with `remaining` 0, until they are removed.

    Latency and the faults of data (page_cap, moving_rows, bad_rows, reorg, lagging) strike together. Of those
    that decide the answer, the oldest strikes and the others wait, so that several orders make a sequence.
    `skip` counts every matching request, also one that another fault struck.
    """

    def __init__(self) -> None:
        self._checks: list[Callable[[AnyFault], None]] = []
        self._orders: dict[int, Order] = {}
        self._ids = count(1)
        self._lock = Lock()

    def check_with(self, check: Callable[[AnyFault], None]) -> None:
        """Have orders checked by an upstream too; the check raises ValueError on what it cannot do."""
        self._checks.append(check)

    def add(self, kind: str, **fields: object) -> Order:
        """Order a fault, with the fields of `POST /sandbox/faults`.

        Raises:
            ValueError: a field is wrong.
        """
        return self.order({"kind": kind, **fields})

    def order(self, data: object) -> Order:
        """Order the fault in parsed JSON; raises ValueError as `add` does."""
        fault = read_fault(data)
        for check in self._checks:
            check(fault)
        with self._lock:
            order = Order(id=next(self._ids), fault=fault)
            self._orders[order.id] = order
        return order

    def orders(self) -> list[Order]:
        """All orders, oldest first."""
        with self._lock:
            return list(self._orders.values())

    def remove(self, order_id: int) -> bool:
        """End one order; False where there is none of that id."""
        with self._lock:
            order = self._orders.pop(order_id, None)
        if order is not None:
            order.removed.set_result(None)
        return order is not None

    def clear(self) -> None:
        """End all orders."""
        for order in self.orders():
            self.remove(order.id)

    def strike(self, path: str) -> list[Order]:
        """The orders that strike a request to this path, counted as done."""
        with self._lock:
            matching = [order for order in self._orders.values() if fnmatchcase(path, order.fault.path)]
            return _strike(matching)


def _strike(matching: list[Order]) -> list[Order]:
    struck: list[Order] = []
    decided = False
    for order in matching:
        order.seen += 1
        decisive = isinstance(order.fault, Decisive)
        if order.seen <= order.fault.skip or order.remaining == 0 or (decisive and decided):
            continue
        decided = decided or decisive
        order.struck += 1
        struck.append(order)
    return struck


def of_kind(orders: list[Order], kind: type[FaultT]) -> list[tuple[Order, FaultT]]:
    """The orders of one kind, each with its fault."""
    return [(order, order.fault) for order in orders if isinstance(order.fault, kind)]
