"""The floor: fetch, parse, write in bulk. It checks nothing, so it cannot tell what changed."""

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import psycopg

from benchmarks.contenders.pages import Body, bodies
from benchmarks.outcome import run_contender
from benchmarks.work import Task, Work

_BATCH_ROWS = 5_000


class _Product(msgspec.Struct):
    id: int
    sku: str
    name: str
    description: str | None
    category: str | None
    brand: str | None
    price: float | Decimal
    currency: str
    stock: int
    ean: str | None
    weight_grams: int | None
    active: bool
    tags: msgspec.Raw
    dimensions: msgspec.Raw
    created_at: str
    updated_at: str


class _Page(msgspec.Struct):
    data: list[_Product]


_COLUMNS = (*_Product.__struct_fields__, "raw_fingerprint", "fingerprint", "synced_at")
_NAMES = ", ".join(_COLUMNS)
_NO_PRINTS = (bytes(16), bytes(16), datetime.now(UTC).isoformat())


def _rows(body: bytes) -> Iterator[tuple[Any, ...]]:
    for product in msgspec.json.decode(body, type=_Page).data:
        *plain, tags, dimensions, created, updated = msgspec.structs.astuple(product)
        yield (*plain, str(bytes(tags), "utf8"), str(bytes(dimensions), "utf8"), created, updated, *_NO_PRINTS)


async def _sqlite(task: Task, path: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("BEGIN")
    statement = f"INSERT INTO products ({_NAMES}) VALUES ({', '.join('?' * len(_COLUMNS))})"
    async for body in bodies(task):
        connection.executemany(statement, _rows(body))
        if connection.total_changes % _BATCH_ROWS == 0:
            connection.execute("COMMIT")
            connection.execute("BEGIN")
    connection.execute("COMMIT")
    connection.close()


async def _postgresql(task: Task) -> None:
    statement = f"COPY products ({_NAMES}) FROM STDIN".encode()
    with psycopg.connect(task.postgresql_dsn) as connection, connection.cursor() as cursor:  # noqa: SIM117 - too long
        with cursor.copy(statement) as copy:
            async for body in bodies(task):
                for row in _rows(body):
                    copy.write_row(row)


async def _only_read(task: Task) -> None:
    async for body in bodies(task):
        msgspec.json.decode(body, type=Body)


def _work(task: Task) -> None:
    if task.work is Work.NOOP:
        asyncio.run(_only_read(task))
    elif task.sqlite_path is None:
        asyncio.run(_postgresql(task))
    else:
        asyncio.run(_sqlite(task, task.sqlite_path))


if __name__ == "__main__":
    run_contender(_work)
