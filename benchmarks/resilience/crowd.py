"""Processes that do the same at the same time, and hand back what they saw."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from queue import Empty
from typing import TypeVar

__all__ = ["Together", "crowd"]

T = TypeVar("T")
Together = Callable[[], None]
"""Waits until all processes have come here."""
_PROCESSES = multiprocessing.get_context("forkserver")
_PRELOADED = ["__main__", "benchmarks.resilience.speeds", "benchmarks.resilience.backlog"]
"""What all of them import is imported once."""
_PATIENCE_SECONDS = 60


def crowd(work: Callable[..., T], arguments: tuple[object, ...], processes: int, *, within_seconds: float) -> list[T]:
    """What `work(together, *arguments)` returned in so many processes.

    Raises:
        RuntimeError: one of them failed, or took longer.
    """
    _PROCESSES.set_forkserver_preload(_PRELOADED)
    barrier: Barrier = _PROCESSES.Barrier(processes)
    answers: Queue[T] = _PROCESSES.Queue()
    rivals = [_PROCESSES.Process(target=_run, args=(work, arguments, barrier, answers)) for _ in range(processes)]
    for rival in rivals:
        rival.start()
    ends, told = time.monotonic() + within_seconds + _PATIENCE_SECONDS, list[T]()
    try:
        while len(told) < processes:
            try:
                told.append(answers.get(timeout=1))
            except Empty:
                if time.monotonic() > ends or any(rival.exitcode for rival in rivals):
                    raise RuntimeError(f"{work.__name__} failed in one of {processes} processes") from None
    finally:
        for rival in rivals:
            rival.join(timeout=1 if len(told) < processes else _PATIENCE_SECONDS)
            rival.terminate()
    return told


def _run(work: Callable[..., T], arguments: tuple[object, ...], barrier: Barrier, answers: Queue[T]) -> None:
    answers.put(work(lambda: barrier.wait(_PATIENCE_SECONDS), *arguments))
