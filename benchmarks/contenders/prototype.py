"""The yardstick: the way of a page in one script, and nothing else: no Prefect, session, retry, budget or checkpoint.

Pages are fetched ahead, split into raw items and keys, and known again by the fingerprint of the raw bytes, looked
up by key range; what is not known is decoded and validated, and fingerprinted over its values. New and changed rows are
written in bulk, a batch in one transaction; rows that no page had are deleted at the end of a full pass.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import psycopg
from msgspec import Meta
from xxhash import xxh3_128_digest

from benchmarks.contenders.pages import Body, bodies
from benchmarks.outcome import run_contender
from benchmarks.work import Counted, Task, Work

_BATCH_ROWS = 5_000
_COUNT = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class _Product(msgspec.Struct):
    id: int
    sku: Annotated[str, Meta(min_length=1, max_length=64)]
    name: str
    price: Decimal
    currency: Annotated[str, Meta(min_length=3, max_length=3)]
    created_at: datetime
    updated_at: datetime
    description: str | None = None
    category: str | None = None
    brand: str | None = None
    stock: _COUNT = 0
    ean: Annotated[str, Meta(max_length=14)] | None = None
    weight_grams: _COUNT | None = None
    active: bool = True
    tags: Any = None
    dimensions: Any = None


class _Key(msgspec.Struct):
    id: int


_COLUMNS = (*_Product.__struct_fields__, "raw_fingerprint", "fingerprint", "synced_at")
_NAMES = ", ".join(_COLUMNS)
_CHANGES = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)
_decode = msgspec.json.Decoder(_Product).decode
_key_of = msgspec.json.Decoder(_Key).decode
_encode = msgspec.msgpack.Encoder(order="sorted", decimal_format="string").encode
_split = msgspec.json.Decoder(Body).decode


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON
    return msgspec.json.encode(value).decode()


class _Sqlite:
    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
            self._connection.execute(f"PRAGMA {pragma}")

    def query(self, statement: str, bound: tuple[Any, ...]) -> list[Any]:
        return self._connection.execute(statement.replace("%s", "?"), bound).fetchall()

    def row(self, product: _Product, raw: bytes, own: bytes, now: datetime) -> tuple[Any, ...]:
        values = list(msgspec.structs.astuple(product))
        values[3] = float(values[3])
        values[5], values[6] = self._instant(values[5]), self._instant(values[6])
        values[14], values[15] = _text(values[14]), _text(values[15])
        return (*values, raw, own, self._instant(now))

    def write(self, new: list[Any], changed: list[Any], gone: Iterable[int] = ()) -> None:
        insert = f"INSERT INTO products ({_NAMES}) VALUES ({', '.join('?' * len(_COLUMNS))})"
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(insert, new)
        self._connection.executemany(f"{insert} ON CONFLICT (id) DO UPDATE SET {_CHANGES}", changed)
        self._connection.executemany("DELETE FROM products WHERE id = ?", [(key,) for key in gone])
        self._connection.execute("COMMIT")

    @staticmethod
    def _instant(value: datetime) -> str:
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


class _Postgresql:
    def __init__(self, dsn: str) -> None:
        self._connection = psycopg.connect(dsn)

    def query(self, statement: str, bound: tuple[Any, ...]) -> list[Any]:
        return self._connection.execute(statement.encode(), bound).fetchall()

    def row(self, product: _Product, raw: bytes, own: bytes, now: datetime) -> tuple[Any, ...]:
        *values, tags, dimensions = msgspec.structs.astuple(product)
        return (*values, _text(tags), _text(dimensions), raw, own, now)

    def write(self, new: list[Any], changed: list[Any], gone: Iterable[int] = ()) -> None:
        execute = self._connection.execute
        self._copy("products", new)
        if changed:
            execute("CREATE TEMP TABLE changed (LIKE products) ON COMMIT DROP")
            self._copy("changed", changed)
            execute(f"INSERT INTO products SELECT * FROM changed ON CONFLICT (id) DO UPDATE SET {_CHANGES}".encode())
        execute("DELETE FROM products WHERE id = ANY(%s)", (list(gone),))
        self._connection.commit()

    def _copy(self, table: str, rows: list[Any]) -> None:
        with self._connection.cursor() as cursor, cursor.copy(f"COPY {table} ({_NAMES}) FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)


_Database = _Sqlite | _Postgresql


class _Pass:
    def __init__(self, database: _Database, *, full: bool) -> None:
        self.counted = Counted()
        self.gone: list[int] = []
        self._database, self._full, self._covered_to = database, full, -1

    def store(self, raws: list[msgspec.Raw]) -> None:
        """Store one batch of items, whose keys rise."""
        now = datetime.now(UTC)
        items = {_key_of(raw).id: bytes(raw) for raw in raws}
        known, new, changed = self._known(list(items)), list[Any](), list[Any]()
        for key, raw in items.items():
            print_, before = xxh3_128_digest(raw), known.pop(key, None)
            if before is not None and before[0] == print_:
                continue
            product = _decode(raw)
            own = xxh3_128_digest(_encode(product))
            if before is None or before[1] != own:
                (new if before is None else changed).append(self._database.row(product, print_, own, now))
        self.gone += known
        self._database.write(new, changed)
        self.counted.created += len(new)
        self.counted.updated += len(changed)
        self.counted.unchanged += len(items) - len(new) - len(changed)

    def _known(self, keys: list[int]) -> dict[int, tuple[bytes, bytes]]:
        select = "SELECT id, raw_fingerprint, fingerprint FROM products WHERE"
        if self._full:
            rows = self._database.query(f"{select} id > %s AND id <= %s", (self._covered_to, keys[-1]))
            self._covered_to = keys[-1]
        elif isinstance(self._database, _Sqlite):
            rows = self._database.query(f"{select} id IN (SELECT value FROM json_each(%s))", (_text(keys),))
        else:
            rows = self._database.query(f"{select} id = ANY(%s)", (keys,))
        return {key: (raw, own) for key, raw, own in rows}

    def end(self) -> None:
        """Delete what a full pass did not see."""
        if self._full:
            beyond = self._database.query("SELECT id FROM products WHERE id > %s", (self._covered_to,))
            self.gone += [key for (key,) in beyond]
            self._database.write([], [], self.gone)
            self.counted.deleted = len(self.gone)


async def _run(task: Task) -> Counted:
    database = _Postgresql(task.postgresql_dsn) if task.sqlite_path is None else _Sqlite(task.sqlite_path)
    running, batch = _Pass(database, full=task.work is not Work.DELTA), list[msgspec.Raw]()
    async for body in bodies(task):
        batch += _split(body).data
        if len(batch) >= _BATCH_ROWS:
            await _beside(task, running.store, batch)
            batch = []
    if batch:
        await _beside(task, running.store, batch)
    running.end()
    return running.counted


async def _beside(task: Task, store: Callable[[list[msgspec.Raw]], None], batch: list[msgspec.Raw]) -> None:
    """Beside the fetching where the database is another process."""
    if task.sqlite_path is None:
        await asyncio.to_thread(store, batch)
    else:
        store(batch)


def _work(task: Task) -> Counted:
    return asyncio.run(_run(task))


if __name__ == "__main__":
    run_contender(_work)
