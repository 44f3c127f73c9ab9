"""Transactions of several threads, stepped through statement by statement in an order that a test draws.

A thread halts before each of its statements until it is its turn. One that waits for a lock of another one's does not
hand the turn back: after a moment the turn goes on without it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from syncline.store.engine import Store

__all__ = ["interleaved"]

_BLOCKED_AFTER_SECONDS = 0.02
"""A statement of these tests takes a millisecond; one that takes longer waits for a lock."""


class _Turns:
    """Whose turn it is, and who has come to the next statement."""

    def __init__(self, order: Sequence[int], threads: int) -> None:
        self._order = list(order)
        self._changed = threading.Condition()
        self._turn: int | None = None
        self._halted: set[int] = set()
        self._running = set(range(threads))

    def halt(self, me: int) -> None:
        """Wait for my turn; then one statement is mine."""
        with self._changed:
            self._halted.add(me)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._turn == me, timeout=60)
            self._turn = None
            self._halted.discard(me)
            self._changed.notify_all()

    def finish(self, me: int) -> None:
        """I have no statement left."""
        with self._changed:
            self._running.discard(me)
            self._halted.discard(me)
            self._changed.notify_all()

    def conduct(self) -> None:
        """Give the turns in the drawn order, then to each that halts, until all have finished."""
        with self._changed:
            while self._running:
                self._changed.wait_for(lambda: self._halted >= self._running, timeout=_BLOCKED_AFTER_SECONDS)
                ready = sorted(self._halted)
                if ready:
                    wanted = self._order.pop(0) if self._order else ready[0]
                    self._turn = wanted if wanted in ready else ready[0]
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: self._turn is None, timeout=60)


def interleaved(stores: Sequence[Store], works: Sequence[Callable[[Store], Any]], order: Sequence[int]) -> list[Any]:
    """Do each of the `works` with its store in a thread of its own, their statements in the `order` of their numbers.

    Returns:
        What each of them returned.

    Raises:
        Whatever the first of them raised.
    """
    turns = _Turns(order, len(works))

    def run(me: int) -> Any:  # noqa: ANN401 - whatever the work returns
        try:
            with _halting(stores[me], lambda: turns.halt(me)):
                return works[me](stores[me])
        finally:
            turns.finish(me)

    with ThreadPoolExecutor(len(works)) as pool:
        running: list[Future[Any]] = [pool.submit(run, me) for me in range(len(works))]
        turns.conduct()
        return [one.result(timeout=60) for one in running]


@contextmanager
def _halting(store: Store, halt: Callable[[], None]) -> Generator[None]:
    """Call `halt` before each statement of the store's transactions."""

    def before(*_: object) -> None:
        halt()

    event.listen(store.engine, "before_cursor_execute", before)
    try:
        yield
    finally:
        event.remove(store.engine, "before_cursor_execute", before)
