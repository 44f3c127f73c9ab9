"""dlt through Arrow: pages become tables of pyarrow, which skip its normalisation; the nested parts are text."""

from typing import Any

import msgspec
import pyarrow as pa

from benchmarks.contenders.dlt_merge import load, source_of
from benchmarks.contenders.dlt_tuning import tune
from benchmarks.outcome import run_contender
from benchmarks.work import Task

_arrow: Any = pa  # it has no types


class _Product(msgspec.Struct):
    id: int
    sku: str
    name: str
    description: str | None
    category: str | None
    brand: str | None
    price: float
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


def _table(body: bytes) -> Any:  # noqa: ANN401 - pyarrow has no types
    columns = list(zip(*map(msgspec.structs.astuple, msgspec.json.decode(body, type=_Page).data), strict=True))
    for place in (12, 13):
        columns[place] = tuple(str(bytes(raw), "utf8") for raw in columns[place])
    return _arrow.table(dict(zip(_Product.__struct_fields__, columns, strict=True)))


def _work(task: Task) -> None:
    load(task, source_of(task, _table), "parquet" if task.sqlite_path else "csv")


if __name__ == "__main__":
    tune()
    run_contender(_work)
