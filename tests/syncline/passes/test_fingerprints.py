"""By which an item is known again, and a change is told from another spelling."""

import msgspec
from support.boxes import Box, Parcel
from support.shop import product, raw

from syncline.erp.tables import Product
from syncline.passes.codec import ItemCodec, Rejected, codec_of

PRODUCTS = codec_of(Product)


def test_the_order_of_keys_is_no_change() -> None:
    """Neither on top nor in nested parts; the raw fingerprint differs, which is why the item was looked at."""
    one = raw(product(1, dimensions={"w": 1, "h": {"a": 1, "b": 2}}))
    row = msgspec.json.decode(one)
    row["dimensions"] = {"h": {"b": 2, "a": 1}, "w": 1}
    other = msgspec.json.encode(dict(reversed(row.items())))
    assert one != other
    assert PRODUCTS.raw_fingerprint(one) != PRODUCTS.raw_fingerprint(other)
    assert _fingerprint(one) == _fingerprint(other)


def test_a_change_of_any_column_changes_the_fingerprint() -> None:
    """No column is left out of the comparison."""
    changes: dict[str, object] = {
        "sku": "x",
        "name": "x",
        "description": "x",
        "price": "9.99",
        "stock": 6,
        "active": False,
        "tags": ["größe", "new"],
        "dimensions": {},
        "updated_at": "2026-01-02T00:00:00Z",
    }
    fingerprints = {_fingerprint(raw(product(1, **{name: value}))) for name, value in changes.items()}
    assert len(fingerprints | {_fingerprint(raw(product(1)))}) == len(changes) + 1


def test_a_changed_table_makes_every_item_look_new() -> None:
    """After a column was added, each item is decoded once more, or the column would stay empty."""
    assert codec_of(Box).raw_fingerprint(b"{}") != codec_of(Parcel).raw_fingerprint(b"{}")
    assert codec_of(Box).raw_fingerprint(b"{}") == ItemCodec(Box).raw_fingerprint(memoryview(b"{}"))


def _fingerprint(content: bytes) -> bytes:
    got = PRODUCTS.decode(1, content)
    assert not isinstance(got, Rejected)
    return got[1]
