"""Syncline's library as its tasks call it, without Prefect: admission, pull, prune, ending."""

import asyncio
import time
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any, ParamSpec, TypeVar

from benchmarks.outcome import run_contender
from benchmarks.work import Counted, Task, Work
from syncline.admission.admit import admit
from syncline.admission.due_run import DueRun
from syncline.erp import pages
from syncline.erp.tables import Product
from syncline.model.dataset import Dataset
from syncline.model.policies import Mode
from syncline.model.session import Status, Tally, Trigger
from syncline.model.source import Source
from syncline.model.target import Target
from syncline.model.upstream import Auth, Upstream
from syncline.passes import commit
from syncline.passes.closing import complete
from syncline.passes.lease_keeper import LeaseKeeper
from syncline.passes.prune import prune
from syncline.passes.pull import pull
from syncline.settings import Settings, UpstreamSettings
from syncline.store.engine import Store
from syncline.upstreams.client import UpstreamClient

P = ParamSpec("P")
T = TypeVar("T")

_PRODUCTS = Source(
    name="products",
    upstream=Upstream(name="erp", auth=Auth.BEARER),
    dataset=Dataset(pages=pages.products, table=Product, updated_field="updated_at"),
)
"""As in flows/products.py, which would bring Prefect along."""

_sections: dict[str, float] = {}


def _timed(name: str, function: Callable[P, T]) -> Callable[P, T]:
    @wraps(function)
    def timed(*args: P.args, **kwargs: P.kwargs) -> T:
        began = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            _sections[name] = _sections.get(name, 0) + time.perf_counter() - began

    return timed


async def _pulled(store: Store, settings: Settings, session_id: str, mode: Mode) -> Tally:
    async with UpstreamClient(_PRODUCTS.upstream, settings) as client:
        return await pull(store, _PRODUCTS, client, session_id, mode=mode)


def _work(task: Task) -> Counted:
    upstream = UpstreamSettings.model_validate({"base_url": task.upstream, "token": task.token})
    store, settings = Store(task.database), Settings(upstreams={_PRODUCTS.upstream.name: upstream})
    mode = Mode.INCREMENTAL if task.work is Work.DELTA else Mode.FULL
    admitted = _timed("admit", admit)(store, _PRODUCTS, DueRun(trigger=Trigger.MANUAL, mode=mode))
    with LeaseKeeper(store, Target(_PRODUCTS.name), admitted.session_id):
        tally = asyncio.run(_pulled(store, settings, admitted.session_id, admitted.mode))
        tally += prune(store, _PRODUCTS, admitted.session_id).tally
    status = _timed("complete", complete)(store, admitted.session_id)
    if status is not Status.COMPLETED or admitted.mode is not mode:
        raise RuntimeError(f"the session of a {mode} pass ended {status} after a {admitted.mode} one")
    return Counted(created=tally.created, updated=tally.updated, unchanged=tally.unchanged, deleted=tally.deleted)


if __name__ == "__main__":
    import_module("psycopg")  # importing is not measured, and SQLAlchemy would do it at the first connection
    writer: Any = commit.PageWriter
    writer._record = _timed("record", writer._record)  # noqa: SLF001 - measured, not changed
    run_contender(_work, _sections)
