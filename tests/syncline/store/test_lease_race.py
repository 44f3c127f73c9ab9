"""Four processes that want the same lease at the same moment."""

from __future__ import annotations

from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import TypeAlias

from support import warm

from syncline.model.target import Target
from syncline.store import leases
from syncline.store.engine import Store
from syncline.store.leases import Process

PROCESSES = 4
ROUNDS = 6
PATIENCE_SECONDS = 300
"""How long the others may take to get there, on a machine that has much else to do."""

Answer: TypeAlias = "tuple[int, int, int | None]"
"""A round, a contender, and the fence that it got."""


def _contend(url: str, me: int, barrier: Barrier, answers: Queue[Answer]) -> None:
    store = Store(url)
    with store.read():
        pass  # opened before the start, so that all are ready at once
    for number in range(ROUNDS):
        barrier.wait(timeout=PATIENCE_SECONDS)
        with store.write() as connection:
            fence = leases.acquire(
                connection, Target(f"round_{number}"), f"p{me}", process=Process.current(), now=store.clock.now()
            )
        answers.put((number, me, fence))
    store.close()


def test_exactly_one_process_wins_each_round(database_url: str) -> None:
    """Two winners would fetch the same pages twice and write over each other; no winner would stop the source."""
    forks = warm.context()
    barrier = forks.Barrier(PROCESSES)
    answers: Queue[Answer] = forks.Queue()
    contenders = [forks.Process(target=_contend, args=(database_url, me, barrier, answers)) for me in range(PROCESSES)]
    for process in contenders:
        process.start()
    got = [answers.get(timeout=PATIENCE_SECONDS) for _ in range(PROCESSES * ROUNDS)]
    for process in contenders:
        process.join(timeout=PATIENCE_SECONDS)
    answers.close()
    answers.join_thread()
    winners = {number: [me for at, me, fence in got if at == number and fence is not None] for number in range(ROUNDS)}
    assert {number: len(who) for number, who in winners.items()} == dict.fromkeys(range(ROUNDS), 1)
    assert [process.exitcode for process in contenders] == [0] * PROCESSES
