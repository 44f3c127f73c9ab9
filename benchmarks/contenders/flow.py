"""Syncline as it runs: the flow `sync-products` in this process, told to a Prefect server."""

import asyncio
import logging
from importlib import import_module
from typing import Any

from prefect import get_client

from benchmarks.outcome import run_contender
from benchmarks.work import Counted, Task, Work
from flows.products import PRODUCTS, sync_products
from syncline.model.policies import Mode
from syncline.model.target import Target
from syncline.store import sessions
from syncline.store.engine import Store
from tasks.limit import make_limit

_sections: dict[str, float] = {}


async def _prepared() -> None:
    """The concurrency limit is made when a source is registered, not when it runs."""
    async with get_client() as client:
        await make_limit(client, PRODUCTS.name)


def _session_seconds(task: Task) -> float:
    """From admission to the end, as the session's record has it."""
    store = Store(task.database)
    with store.read() as connection:
        session = sessions.latest_started(connection, Target(PRODUCTS.name))
    if session is None or session.completed_at is None:
        raise RuntimeError("the flow left no finished session")
    return (session.completed_at - session.started_at).total_seconds()


def _work(task: Task) -> Counted:
    mode = Mode.INCREMENTAL if task.work is Work.DELTA else Mode.FULL
    tally: Any = asyncio.run(sync_products(mode))  # the tally, where the annotation has the state around it
    _sections["session"] = _session_seconds(task)
    return Counted(created=tally.created, updated=tally.updated, unchanged=tally.unchanged, deleted=tally.deleted)


if __name__ == "__main__":
    import_module("psycopg")  # importing is not measured, and SQLAlchemy would do it at the first connection
    logging.disable(logging.WARNING)
    asyncio.run(_prepared())
    run_contender(_work, _sections)
