"""A shop whose list a test cuts, doubles and moves, served by page number, by cursor and by links that hide offsets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from support.shop import product
from support.sources import altered
from syncline.erp.tables import Product
from syncline.model.dataset import Dataset
from syncline.model.policies import Deletes
from syncline.model.source import Source
from syncline.model.upstream import Upstream
from syncline.upstreams.paging import Cursor, Link, PageNumber, Paging
from syncline.upstreams.rest import RestPages

__all__ = ["KINDS", "Shop", "shop", "source_of"]


@dataclass
class Shop:
    """A list of products, ten a page, by page number, by cursor, or by links that hide an offset.

    Attributes:
        rows: the list; a test changes it.
        tells_total: whether each answer has the `total`.
        before: called with the number of each request (from 1), before it is answered.
        altered: what becomes of an answer before it is sent, by the page's number from 0.
    """

    rows: list[dict[str, Any]]
    tells_total: bool = True
    before: Callable[[int], object] = lambda _request: None
    altered: dict[int, Callable[[dict[str, Any]], object]] = field(
        default_factory=dict[int, "Callable[[dict[str, Any]], object]"]
    )
    requests: int = 0

    def __call__(self, query: Mapping[str, str]) -> object:
        self.requests += 1
        self.before(self.requests)
        start = int(query.get("cursor", query.get("offset", (int(query.get("page", 1)) - 1) * 10)))
        size = int(query.get("per_page", 10))
        wanted = [row for row in self.rows if str(row["updated_at"]) >= query.get("since", "")]
        shown, following = wanted[start : start + size], start + size if start + size < len(wanted) else None
        body: dict[str, Any] = {"data": shown, "next_cursor": None if following is None else str(following)}
        body["next"] = None if following is None else f"list?offset={following}"
        if self.tells_total:
            body["total"] = len(wanted)
        return self.altered.get(start // 10, lambda same: same)(body)


def shop(count: int = 40, **values: Any) -> Shop:  # noqa: ANN401 - the shop's fields
    rows = [{**product(number), "updated_at": f"2026-01-10T10:{number:02}:00Z"} for number in range(1, count + 1)]
    for row in rows:
        row["created_at"] = "2026-01-01T00:00:00Z"
    return Shop(rows=rows, **values)


def source_of(paging: Paging, *, total: bool = True, incremental: bool = False, **more: Any) -> Source:  # noqa: ANN401 - the source's fields
    pages = RestPages(
        path="list",
        items="data",
        paging=paging,
        total="total" if total else None,
        updated_since="since" if incremental else None,
        since_format="%Y-%m-%dT%H:%M:%SZ",
        ahead=1,
    )
    deletes = Deletes(max_fraction=1, full_pass_every_seconds=None)
    values: dict[str, Any] = {"updated_field": "updated_at", "deletes": deletes, "lag_seconds": 0, **more}
    dataset = Dataset(pages=pages, table=Product, updated_field="updated_at")
    declared = Source(name="products", upstream=Upstream(name="odd"), dataset=dataset)
    return altered(declared, **values)


KINDS: list[Paging] = [PageNumber(page_size=10), Cursor(), Cursor(stable=True), Link(next_at="next")]
