"""The contenders: what each can do, and how one of its works is measured."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from benchmarks.databases import Database, Databases
from benchmarks.dataset import Dataset, newest_changed
from benchmarks.outcome import Outcome
from benchmarks.servers import Upstream
from benchmarks.upstream import TOKEN, Served
from benchmarks.work import Counted, Task, Work
from deployments.environment import prefect_env, settings_env
from sandbox.clock import stamp
from syncline.settings import Settings, UpstreamSettings

__all__ = ["CONTENDERS", "Contender", "Measured", "WrongResultError", "measure"]

_TIMEOUT_SECONDS = 300
_EVERYWHERE = ("sqlite", "postgresql")


class WrongResultError(Exception):
    """A contender was fast, and wrong; or it failed, or never came to an end."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """Something that brings a table up to date.

    Attributes:
        name: as results call it.
        module: in benchmarks/contenders.
        works: what it can do.
        kinds: the databases that it is measured on.
        shares_table: whether it fills Syncline's table; else it makes one of its own.
        counts: whether it tells created, updated, unchanged and deleted apart.
        deletes: whether it notices what is gone.
        foreign: a tool that is not ours: left out of a quick run, measured once, and passed over where it fails.
    """

    name: str
    module: str
    works: tuple[Work, ...] = tuple(Work)
    kinds: tuple[str, ...] = _EVERYWHERE
    shares_table: bool = True
    counts: bool = True
    deletes: bool = True
    foreign: bool = False


CONTENDERS = (
    Contender(name="floor", module="floor", works=(Work.FULL, Work.NOOP), counts=False),
    Contender(name="prototype", module="prototype"),
    Contender(name="engine", module="engine"),
    Contender(name="flow", module="flow"),
    Contender(name="one by one", module="one_by_one", works=(Work.FULL, Work.LATENCY), kinds=("sqlite",), counts=False),
    Contender(name="dlt", module="dlt_merge", shares_table=False, counts=False, deletes=False, foreign=True),
    Contender(name="dlt-arrow", module="dlt_arrow", shares_table=False, counts=False, deletes=False, foreign=True),
)


class Measured(msgspec.Struct, kw_only=True):
    """One work, done once.

    Attributes:
        process_seconds: from starting the process to its end.
        inside: what it measured itself.
        log_bytes: what PostgreSQL wrote to its log meanwhile.
    """

    contender: str
    database: str
    work: Work
    process_seconds: float
    inside: Outcome
    log_bytes: int = 0


def measure(
    contender: Contender, kind: str, works: tuple[Work, ...], *, upstream: Upstream, databases: Databases, prefect: str
) -> Iterator[Measured]:
    """Do the `works` that the contender can do, one after the other, each load into a new table.

    Raises:
        WrongResultError: the table or the counters are not right.
    """
    for chain in _chains([work for work in works if work in contender.works]):
        database, folder = databases.new(kind, migrated=contender.shares_table)
        try:
            for work in chain:
                yield _measured(
                    contender, kind, _task(work, upstream, database, str(folder), prefect), upstream, database
                )
        finally:
            databases.drop(database)
            shutil.rmtree(folder, ignore_errors=True)


def _chains(works: list[Work]) -> list[list[Work]]:
    """The works that are done on one table each: a load, and what follows it."""
    chains: list[list[Work]] = []
    for work in works:
        if work.loads:
            chains.append([])
        chains[-1].append(work)
    return chains


def _task(work: Work, upstream: Upstream, database: Database, folder: str, prefect: str) -> Task:
    since = stamp(newest_changed(Dataset.CHANGED, upstream.items)) if work is Work.DELTA else ""
    return Task(
        work=work,
        upstream=upstream.url,
        token=TOKEN,
        database=database.url,
        folder=folder,
        since=since,
        prefect_api=prefect,
    )


def _measured(contender: Contender, kind: str, task: Task, upstream: Upstream, database: Database) -> Measured:
    served = upstream.switch(task.work)
    before = 0 if task.work.loads else database.log_position()
    measured = _run(contender, kind, task)
    if not task.work.loads:
        measured.log_bytes = database.log_position() - before
    _check_table(contender, task.work, served, database, upstream.items)
    _check_counters(contender, measured, upstream.items)
    if task.work.loads:
        database.settle()
    return measured


def _run(contender: Contender, kind: str, task: Task) -> Measured:
    command = [sys.executable, "-m", f"benchmarks.contenders.{contender.module}", msgspec.json.encode(task).decode()]
    began = time.perf_counter()
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, env=_environment(task), check=False
        )
    except subprocess.TimeoutExpired:
        message = f"{contender.name} took longer than {_TIMEOUT_SECONDS} s for {task.work} on {kind}"
        raise WrongResultError(message) from None
    seconds = time.perf_counter() - began
    if done.returncode:
        raise WrongResultError(f"{contender.name} failed at {task.work} on {kind}:\n{done.stderr[-3000:]}")
    inside = msgspec.json.decode(done.stdout.strip().splitlines()[-1], type=Outcome)
    return Measured(contender=contender.name, database=kind, work=task.work, process_seconds=seconds, inside=inside)


def _environment(task: Task) -> dict[str, str]:
    """What Syncline reads: where the database, the upstream and Prefect are."""
    upstream = UpstreamSettings.model_validate({"base_url": task.upstream, "token": task.token})
    settings = Settings.model_validate(
        {
            "home": task.folder,
            "database_url": task.database,
            "upstreams": {"erp": upstream},
            "prefect_api_url": task.prefect_api or None,
        }
    )
    return {**os.environ, **settings_env(settings), **prefect_env(settings)}


def _check_counters(contender: Contender, measured: Measured, items: int) -> None:
    """Refuse a fast wrong answer."""
    right = Counted.right(measured.work, items)
    if contender.counts and measured.inside.counted != right:
        raise WrongResultError(f"{contender.name} counted {measured.inside.counted} at {measured.work}, not {right}")


def _check_table(contender: Contender, work: Work, served: Served, database: Database, items: int) -> None:
    held = database.held()
    right = (held.items, held.stock) == (served.items, served.stock)
    if not contender.deletes and not work.loads:
        right = held.items == items
    if not right:
        raise WrongResultError(f"{contender.name} left {held} after {work}, where {served} is right")
