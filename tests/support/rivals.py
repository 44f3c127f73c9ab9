"""Processes that all want something of the same budget or breaker at the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import TypeAlias

from support import warm
from support.sources import make_source
from syncline.model.budgets import BudgetKey, SlidingWindow
from syncline.model.policies import BreakerPolicy
from syncline.resilience.breaker import Outcome
from syncline.resilience.budget_state import Granted
from syncline.store.breakers import Breakers, Permit
from syncline.store.budgets import Budgets
from syncline.store.engine import Store

__all__ = ["KEY", "SOURCE", "SPEND_SECONDS", "WINDOW", "Admission", "fail_once", "gather", "probe", "spend"]

WINDOW = SlidingWindow(limit=25, period_seconds=0.5, margin=0)
KEY = BudgetKey(name="crowded:requests", policy=WINDOW)
SOURCE = make_source(name="crowded", breaker=BreakerPolicy(failures=5, reset_after_seconds=0))
SPEND_SECONDS = 2.0
PROBES_EACH = 10
_PATIENCE_SECONDS = 300
"""How long the others may take to get there, on a machine that has much else to do."""

Admission: TypeAlias = tuple[float, float]
"""When a process asked, and when it was told that it may: in between lies the admission."""
Work: TypeAlias = Callable[[str, Barrier, "Queue[list[Admission]]"], None]


def gather(work: Work, url: str, processes: int, *, together: bool = True) -> list[Admission]:
    """What so many processes got, all at once or one after the other."""
    forks = warm.context()
    barrier = forks.Barrier(processes if together else 1)
    answers: Queue[list[Admission]] = forks.Queue()
    rivals = [forks.Process(target=work, args=(url, barrier, answers)) for _ in range(processes)]
    got: list[Admission] = []
    for rival in rivals:
        rival.start()
        if not together:
            got += answers.get(timeout=_PATIENCE_SECONDS)
    if together:
        for _ in rivals:
            got += answers.get(timeout=_PATIENCE_SECONDS)
    for rival in rivals:
        rival.join(timeout=_PATIENCE_SECONDS)
    answers.close()
    answers.join_thread()
    assert [rival.exitcode for rival in rivals] == [0] * processes
    return got


def spend(url: str, barrier: Barrier, answers: Queue[list[Admission]]) -> None:
    """Spend as much as there is for `SPEND_SECONDS`."""
    store = Store(url)
    budgets, got, pause = Budgets(store), list[Admission](), threading.Event()
    budgets.state(KEY)
    barrier.wait(timeout=_PATIENCE_SECONDS)
    ends = time.time() + SPEND_SECONDS
    while (asked := time.time()) < ends:
        said = budgets.acquire([KEY])
        if isinstance(said, Granted):
            got.append((asked, time.time()))
        else:
            pause.wait(max(0.0, said.wait_seconds))
    answers.put(got)
    store.close()


def probe(url: str, barrier: Barrier, answers: Queue[list[Admission]]) -> None:
    """Try to run again and again, and never come back with a result."""
    store = Store(url)
    breakers, got = Breakers(store), list[Admission]()
    breakers.state(SOURCE)
    barrier.wait(timeout=_PATIENCE_SECONDS)
    for _ in range(PROBES_EACH):
        asked = time.time()
        if isinstance(breakers.admit(SOURCE), Permit):
            got.append((asked, time.time()))
    answers.put(got)
    store.close()


def fail_once(url: str, barrier: Barrier, answers: Queue[list[Admission]]) -> None:
    """One run, which the upstream fails; its process ends with it."""
    store = Store(url)
    barrier.wait(timeout=_PATIENCE_SECONDS)
    breakers, asked = Breakers(store), time.time()
    source = make_source(name="down")
    permit = breakers.admit(source)
    if isinstance(permit, Permit):
        breakers.record(permit, Outcome.FAILURE)
        answers.put([(asked, time.time())])
    else:
        answers.put([])
    store.close()
