"""The products that are served: as they are first, after a change of 1 % and the loss of 0.1 %, and after another."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import msgspec

from sandbox.clock import stamp
from sandbox.dice import dice
from sandbox.erp.products import Product, make_product
from sandbox.erp.rows import life_dates

__all__ = ["CHANGED_EVERY", "GONE_EVERY", "PAGE_SIZE", "Dataset", "Products", "newest_changed"]

PAGE_SIZE = 500
CHANGED_EVERY = 100
"""One product in so many is changed: 1 %."""
GONE_EVERY = 1000
"""One product in so many is gone: 0.1 %."""
_GAP = timedelta(minutes=2)
"""Between two changes: longer than Syncline's lag window, so that a delta is the same for everybody."""


class Dataset(StrEnum):
    """What the upstream has to tell."""

    BASE = "base"
    CHANGED = "changed"
    AGAIN = "again"


_CHANGED_FROM = {
    Dataset.CHANGED: datetime(2025, 1, 2, tzinfo=UTC),
    Dataset.AGAIN: datetime(2025, 7, 1, tzinfo=UTC),
}


def newest_changed(dataset: Dataset, items: int) -> datetime:
    """The newest `updated_at` of a changed dataset that began with so many items."""
    return _CHANGED_FROM[dataset] + _GAP * (items // CHANGED_EVERY - 1)


@dataclass(kw_only=True)
class Products:
    """All products of a dataset, as their JSON.

    Attributes:
        rows: each as it is sent, by rising id.
        began_with: how many there were at first.
        recent: when the changed ones changed, as it is written in them, by their place.
        stock: the sum of all stock: a table with the same sum and count is taken to be right.
    """

    rows: list[bytes]
    began_with: int
    recent: dict[int, str] = field(default_factory=dict[int, str])
    stock: int = 0

    @classmethod
    def base(cls, items: int) -> "Products":
        """So many products, the same each time."""
        chance, encode = dice(7, "benchmark"), msgspec.json.Encoder(decimal_format="number").encode
        found = cls(rows=[], began_with=items)
        for serial in range(1, items + 1):
            product = make_product(chance, serial, *life_dates(chance))
            found.rows.append(encode(product))
            found.stock += product.stock
        return found

    def changed(self, dataset: Dataset) -> "Products":
        """The same a while later: some changed, and at the first change some gone."""
        gone = GONE_EVERY if dataset is Dataset.CHANGED else 0
        kept = [row for place, row in enumerate(self.rows) if not gone or place % gone != gone // 2]
        then = Products(rows=kept, began_with=self.began_with)
        changes, first = self.began_with // CHANGED_EVERY, int(dataset is Dataset.AGAIN)
        decode = msgspec.json.Decoder(Product).decode
        for number in range(changes):
            place = first + number * (len(kept) // changes)
            instant = stamp(_CHANGED_FROM[dataset] + _GAP * number)
            then.rows[place] = _altered(decode(then.rows[place]), instant)
            then.recent[place] = instant
        then.recent = {**self.recent, **then.recent}
        then.stock = sum(decode(row).stock for row in then.rows)
        return then

    def since(self, instant: str) -> list[bytes]:
        """What changed at `instant` or later, by rising id."""
        return [self.rows[place] for place in sorted(self.recent) if self.recent[place] >= instant]


def _altered(product: Product, instant: str) -> bytes:
    changes = {"stock": product.stock + 1, "price": product.price + Decimal("0.01"), "updated_at": instant}
    return msgspec.json.Encoder(decimal_format="number").encode(msgspec.structs.replace(product, **changes))
