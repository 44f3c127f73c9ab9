"""What the admission of an account takes, with some sessions on record and with half a million."""

import time
from statistics import median
from typing import Any

import msgspec
from sqlalchemy import insert, select

from benchmarks.databases import Databases
from syncline.admission.admit import admit
from syncline.admission.due_run import DueRun
from syncline.erp import ERP
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.source import Source
from syncline.passes.closing import close
from syncline.store.engine import Store

__all__ = ["Admissions", "measure_admissions"]

_ACCOUNTS, _DOUBLED = 500, 10
_ADMITTED = 200
_WATCHED = Source(name="watched", upstream=ERP)


class Admissions(msgspec.Struct, kw_only=True):
    """Admissions of accounts that ran before.

    Attributes:
        database: its kind.
        sessions: how many are on record.
        ms: the median, in milliseconds.
        cpu_ms: what an average one and its end take of this process's CPU.
    """

    database: str
    sessions: int
    ms: float
    cpu_ms: float


def measure_admissions(databases: Databases) -> list[Admissions]:
    """Measure with a session for each of 500 accounts, and with 512,000, on each kind of database."""
    found: list[Admissions] = []
    for kind in databases.kinds:
        database, _folder = databases.new(kind, migrated=True)
        store = Store(database.url)
        _admitted(store, _ACCOUNTS)
        found.append(_measured(kind, store, _ACCOUNTS))
        for doubling in range(_DOUBLED):
            _double(store, f"-{doubling}")
        database.settle()
        found.append(_measured(kind, store, _ACCOUNTS * 2**_DOUBLED))
        store.close()
        databases.drop(database)
    return found


def _measured(kind: str, store: Store, on_record: int) -> Admissions:
    _admitted(store, _ADMITTED)  # statements are compiled, pages are read
    began = time.process_time()
    took = _admitted(store, _ADMITTED)
    return Admissions(
        database=kind,
        sessions=on_record,
        ms=round(median(took) * 1_000, 2),
        cpu_ms=round((time.process_time() - began) / _ADMITTED * 1_000, 2),
    )


def _admitted(store: Store, accounts: int) -> list[float]:
    """Admit so many accounts, each for a run that ends at once; how many seconds each admission took."""
    took: list[float] = []
    for number in range(accounts):
        began = time.perf_counter()
        admission = admit(store, _WATCHED, DueRun(trigger=Trigger.SCHEDULE, mode=Mode.FULL, account_id=f"acc_{number}"))
        took.append(time.perf_counter() - began)
        assert admission.granted, admission.reason
        close(store, admission.session_id, Status.COMPLETED)
    return took


def _double(store: Store, suffix: str) -> None:
    """Put each session on record once more, for another account."""
    table: Any = getattr(SyncSession, "__table__")  # noqa: B009 - SQLModel does not declare it
    changed = {"id": table.c.id + suffix, "account_id": table.c.account_id + suffix}
    copied = select(*(changed.get(column.name, column) for column in table.c))
    with store.write() as connection:
        connection.execute(insert(table).from_select([column.name for column in table.c], copied))
