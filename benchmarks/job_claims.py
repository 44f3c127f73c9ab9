"""Jobs claimed and ended in batches of several sizes, and procrastinate's beside them, by CPU seconds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec
from sqlalchemy import Connection, text

from benchmarks.databases import Databases
from syncline.clock import microseconds
from syncline.store import job_claims, job_ends, jobs
from syncline.store.engine import Store
from syncline.store.jobs import JobRequest

__all__ = ["PEER", "SOURCE", "Claims", "cpu_seconds", "measure_claims", "measure_peer"]

SOURCE = "portfolios"
PEER = "procrastinate"
_LEASE_US = 60_000_000


class Claims(msgspec.Struct, kw_only=True):
    """Jobs that were claimed and ended.

    Attributes:
        who: whose queue it is.
        database: its kind.
        batch: how many are claimed at once.
        jobs_a_cpu_second: of this process and of the database's server.
    """

    who: str
    database: str
    batch: int
    jobs_a_cpu_second: float


def measure_claims(databases: Databases, kind: str, many: int) -> list[Claims]:
    """Ours, in each batch, on a database of this kind; `many` jobs, of which a tenth one by one."""
    database, _folder = databases.new(kind, migrated=True)
    store, found = Store(database.url), list[Claims]()
    for batch in (1, 10, 100):
        number = many if batch > 1 else many // 10
        _queue(store, number)
        database.settle()
        took = cpu_seconds(store, lambda batch=batch, number=number: _work_off(store, batch, number))
        found.append(Claims(who="syncline", database=kind, batch=batch, jobs_a_cpu_second=round(number / took)))
    store.close()
    databases.drop(database)
    return found


def _queue(store: Store, number: int) -> None:
    now_us = microseconds(datetime.now(UTC))
    wanted = [
        JobRequest(account_id=f"acc_{one:08}", user_id=f"u{one}", source=SOURCE, scheduled_us=now_us - number + one)
        for one in range(number)
    ]
    store.transact(lambda connection: jobs.enqueue(connection, wanted, now_us=now_us))


def _work_off(store: Store, batch: int, number: int) -> None:
    done = 0
    while done < number:
        now_us = microseconds(datetime.now(UTC))
        got = store.transact(partial(_claim, batch=batch, now_us=now_us), durable=False)
        store.transact(partial(job_ends.finish, jobs=got, now_us=now_us), durable=False)
        done += len(got)


def _claim(connection: Connection, *, batch: int, now_us: int) -> list[job_claims.Claimed]:
    lanes, lease = job_claims.due_lanes(connection, [SOURCE]), now_us + _LEASE_US
    return job_claims.claim(connection, lanes[0], batch, owner="bench", now_us=now_us, lease_us=lease, per_user=batch)


def measure_peer(databases: Databases, number: int) -> Claims:
    """procrastinate: as many jobs fetched and finished one by one, as its worker does it."""
    from procrastinate import App, SyncPsycopgConnector  # noqa: PLC0415 - only the bench environment has it
    from procrastinate.jobs import Status as PeerStatus  # noqa: PLC0415

    database, _folder = databases.new("postgresql", migrated=False)
    plain = database.url.replace("postgresql+psycopg", "postgresql")
    app = App(connector=SyncPsycopgConnector(conninfo=plain))
    store = Store(database.url)
    with app.open():
        app.schema_manager.apply_schema()
        deferrer = app.configure_task("bench", queue="bench", allow_unknown=True)
        for _ in range(number):
            deferrer.defer()
        worker_id = app.job_manager.connector.execute_query_one(
            "INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id AS worker_id"
        )["worker_id"]

        def work_off() -> None:
            for _ in range(number):
                row = app.job_manager.connector.execute_query_one(
                    "SELECT id FROM procrastinate_fetch_job_v2(%(queues)s::varchar[], %(worker)s)",
                    queues=["bench"],
                    worker=worker_id,
                )
                app.job_manager.connector.execute_query(
                    "SELECT procrastinate_finish_job_v1(%(job)s, %(status)s, false)",
                    job=row["id"],
                    status=PeerStatus.SUCCEEDED.value,
                )

        took = cpu_seconds(store, work_off)
    store.close()
    databases.drop(database)
    return Claims(who=PEER, database="postgresql", batch=1, jobs_a_cpu_second=round(number / took))


def cpu_seconds(store: Store, work: Callable[[], object]) -> float:
    """The CPU seconds that `work` takes of this process and of all processes of the database's server."""
    before, began = _server_seconds(store), time.process_time()
    work()
    return time.process_time() - began + _server_seconds(store) - before


def _server_seconds(store: Store) -> float:
    """What the server's processes have taken so far, as far as they live; 0 on SQLite."""
    if store.is_sqlite:
        return 0.0
    with store.read() as connection:
        pids = [int(row[0]) for row in connection.execute(text("SELECT pid FROM pg_stat_activity"))]
    return sum(map(_process_seconds, pids))


def _process_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
