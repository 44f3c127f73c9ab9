"""The hand-written cron: httpx, one request at a time, and an upsert."""

import sqlite3
from datetime import UTC, datetime

import httpx
import orjson

from benchmarks.dataset import PAGE_SIZE
from benchmarks.outcome import run_contender
from benchmarks.work import Task

_OWN = (
    *("id", "sku", "name", "description", "category", "brand", "price", "currency", "stock", "ean", "weight_grams"),
    *("active", "tags", "dimensions", "created_at", "updated_at"),
)
_COLUMNS = (*_OWN, "raw_fingerprint", "fingerprint", "synced_at")


def _work(task: Task) -> None:
    connection = sqlite3.connect(task.sqlite_path or "")
    names, marks = ", ".join(_COLUMNS), ", ".join("?" * len(_COLUMNS))
    changes = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)
    upsert = f"INSERT INTO products ({names}) VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {changes}"
    now, none = datetime.now(UTC).isoformat(), bytes(16)
    page, pages = 1, 1
    with httpx.Client(base_url=task.upstream, headers={"Authorization": f"Bearer {task.token}"}) as client:
        while page <= pages:
            body = orjson.loads(client.get("/erp/products", params={"page": page, "per_page": PAGE_SIZE}).content)
            for item in body["data"]:
                item["tags"], item["dimensions"] = orjson.dumps(item["tags"]), orjson.dumps(item["dimensions"])
            rows = [(*(item[name] for name in _OWN), none, none, now) for item in body["data"]]
            with connection:
                connection.executemany(upsert, rows)
            page, pages = page + 1, -(-body["total"] // PAGE_SIZE)
    connection.close()


if __name__ == "__main__":
    run_contender(_work)
