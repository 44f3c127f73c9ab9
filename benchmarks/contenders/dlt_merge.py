"""dlt, tuned: merge by primary key, eight requests under way, nested parts kept as JSON, its quickest file format.

It does not tell created, updated and unchanged apart, and a merge does not notice what is gone.
"""

from collections.abc import Callable, Iterator
from typing import Any, Literal

import dlt
import orjson
from dlt.destinations import postgres, sqlalchemy
from dlt.sources.helpers import requests
from sqlalchemy.engine import make_url

from benchmarks.contenders.dlt_tuning import tune
from benchmarks.dataset import PAGE_SIZE
from benchmarks.outcome import run_contender
from benchmarks.work import Task

_NESTED: dict[str, Any] = {"tags": {"data_type": "json"}, "dimensions": {"data_type": "json"}}


def source_of(task: Task, read: Callable[[bytes], Any]) -> Any:  # noqa: ANN401 - dlt's resource
    """The products as a resource of dlt; `read` turns a body into what it yields."""
    session = requests.Client(raise_for_status=True).session
    session.headers["Authorization"] = f"Bearer {task.token}"
    since = {"updated_since": task.since} if task.since else {}

    def fetch(page: int) -> Any:  # noqa: ANN401 - a parsed body
        asking = {"page": page, "per_page": PAGE_SIZE, **since}
        return session.get(f"{task.upstream}/erp/products", params=asking)

    @dlt.defer
    def later(page: int) -> Any:  # noqa: ANN401 - what `read` makes
        return read(fetch(page).content)

    @dlt.resource(name="products", primary_key="id", write_disposition="merge", columns=_NESTED, max_table_nesting=0)
    def products() -> Iterator[Any]:
        first = fetch(1)
        yield read(first.content)
        for page in range(2, -(-first.json()["total"] // PAGE_SIZE) + 1):
            yield later(page)

    return products


def load(task: Task, source: Any, file_format: Literal["csv", "parquet"] | None) -> None:  # noqa: ANN401 - dlt's resource
    """Run the pipeline on `source`."""
    sqlite = task.sqlite_path is not None
    destination = sqlalchemy(task.database, create_primary_keys=True) if sqlite else postgres(_dsn(task))
    pipeline = dlt.pipeline(
        pipeline_name="products",
        pipelines_dir=f"{task.folder}/dlt",
        destination=destination,
        dataset_name="main" if sqlite else "dlt",
    )
    options: dict[str, Any] = {"loader_file_format": file_format}
    pipeline.run(source, **options).raise_on_failed_jobs()


def _dsn(task: Task) -> str:
    """Dlt insists on a host; libpq heeds the socket's folder in the query all the same."""
    return make_url(task.postgresql_dsn).set(host="localhost").render_as_string(hide_password=False)


def _work(task: Task) -> None:
    load(task, source_of(task, lambda body: orjson.loads(body)["data"]), None if task.sqlite_path else "csv")


if __name__ == "__main__":
    tune()
    run_contender(_work)
