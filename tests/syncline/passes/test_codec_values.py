"""Numbers, instants and texts that upstreams write in their own ways: what is stored of them, and what is rejected."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.orm import declared_attr
from sqlmodel import Field, Index
from support.shop import product, raw

from syncline.erp.tables import Customer, Product
from syncline.model.columns import KeyText
from syncline.model.items import Item
from syncline.passes.codec import Rejected, codec_of

PRODUCTS = codec_of(Product)


def reason(content: bytes) -> str:
    got = PRODUCTS.decode(1, content)
    assert isinstance(got, Rejected)
    return got.reason


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (b"5.1000000000000005", "5.10"),
        (b"70.30999999999999", "70.31"),
        (b"19.990000000000002", "19.99"),
        (b'"19.990000000000002"', "19.99"),  # a float that was made a text on its way
        (b"5.10000000000000008882", "5.10"),  # a double to its last digit
        (b"1234567890123.4502", "1234567890123.45"),
        (b"0.30000000000000004", "0.30"),
        (b"5.1000000000000000000000", "5.10"),
    ],
)
def test_a_price_is_stored_without_the_tail_that_a_float_leaves(told: bytes, kept: str) -> None:
    """Shops that reckon in floating point say 5.1000000000000005 where their page shows 5.10."""
    content = raw(product(1)).replace(b'"price":"1.50"', b'"price":' + told)
    got, plain = PRODUCTS.decode(1, content), PRODUCTS.decode(1, raw(product(1, price=kept)))
    assert not isinstance(got, Rejected)
    assert not isinstance(plain, Rejected)
    assert got == plain  # the same fingerprint too: the next spelling of the same price is no update


@pytest.mark.parametrize(
    "told", ["5.105", "5.1049999999999995", "5.1000000000001", "1234567890123.455", "9999999999999.99999999", "5.1004"]
)
def test_a_true_third_place_is_no_tail(told: str) -> None:
    """A price that is rounded in silence is a wrong price."""
    content = raw(product(1)).replace(b'"price":"1.50"', b'"price":' + told.encode())
    assert reason(content) == "Expected `Decimal` with at most 2 places - at `$.price`"


@pytest.mark.parametrize(
    ("told", "instant"),
    [
        (b"1767225600", datetime(2026, 1, 1, tzinfo=UTC)),
        (b"1767225600.25", datetime(2026, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC)),
        (b"1767225600123", datetime(2026, 1, 1, 0, 0, 0, 123_000, tzinfo=UTC)),
        (b"1767225600123.5", datetime(2026, 1, 1, 0, 0, 0, 123_500, tzinfo=UTC)),
        (b"1767225600123456", datetime(2026, 1, 1, 0, 0, 0, 123_456, tzinfo=UTC)),
        (b"1767225600123456789", datetime(2026, 1, 1, 0, 0, 0, 123_456, tzinfo=UTC)),
        (b"1.7672256e9", datetime(2026, 1, 1, tzinfo=UTC)),
        (b"0", datetime(1970, 1, 1, tzinfo=UTC)),
        (b"-86400", datetime(1969, 12, 31, tzinfo=UTC)),
    ],
)
def test_an_instant_may_come_as_the_time_since_1970(told: bytes, instant: datetime) -> None:
    """Stripe and many ERPs count seconds, Java and JavaScript milliseconds."""
    content = raw(product(1)).replace(b'"updated_at":"2026-01-01T00:00:00Z"', b'"updated_at":' + told)
    got = PRODUCTS.decode(1, content)
    assert not isinstance(got, Rejected), got.reason
    assert dict(zip(PRODUCTS.columns, got[0], strict=True))["updated_at"] == instant


@pytest.mark.parametrize("told", [b"-99999999999", b"1" * 21, b"1e30", b"true", b"[1767225600]"])
def test_a_number_that_is_no_instant_is_rejected(told: bytes) -> None:
    """The year 100,000,000 is a mistake upstream, and must not end the pass."""
    content = raw(product(1)).replace(b'"updated_at":"2026-01-01T00:00:00Z"', b'"updated_at":' + told)
    assert reason(content).endswith("- at `$.updated_at`")


class Placed(Item, table=True):
    """A shared table with an index over two texts, and one that has no limit."""

    __tablename__ = "test_placed"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805 - a class-level attribute, by SQLAlchemy's protocol
        return (
            Index("ix_test_placed_where", "town", "street"),
            Index("ix_test_placed_story", "story", postgresql_using="hash"),
            *super().__table_args__,
        )

    source: str = Field(primary_key=True)
    id: str = Field(primary_key=True, sa_type=KeyText)
    town: str | None = None
    street: str | None = None
    story: str | None = None
    free: str | None = None


@pytest.mark.parametrize(
    ("texts", "place"),
    [
        ({"town": "x" * 2_501}, "town"),
        ({"town": "x" * 1_000, "street": "y" * 1_501}, "street"),
        ({"town": "ö" * 1_251}, "town"),
        ({"town": "x" * 2_500, "story": "y" * 9_000, "free": "z" * 9_000}, None),
        ({"town": "ö" * 1_250}, None),
    ],
)
def test_a_text_is_as_long_as_its_index_can_hold(texts: dict[str, str], place: str | None) -> None:
    """PostgreSQL refuses the whole batch for one such row; SQLite would take what the other cannot."""
    got = codec_of(Placed).decode("a", raw({"id": "a", **texts}))
    if place is None:
        assert not isinstance(got, Rejected), got.reason
    else:
        assert isinstance(got, Rejected)
        index = "ix_test_placed_where"
        assert (
            got.reason
            == f"Expected at most 2500 bytes of text in UTF-8, which is what {index} can hold - at `$.{place}`"
        )


def test_a_key_is_as_long_as_its_index_can_hold() -> None:
    """It stands in the table's index and among the keys that a pass has seen."""
    keys = ["x" * 2_500, "ö" * 1_250, "x" * 2_501, "ö" * 1_251, "\U0001f600" * 626]
    keyed, rejected = codec_of(Customer).keys([raw({"id": key}) for key in keys])
    assert [key for key, _ in keyed] == keys[:2]
    assert [one.key for one in rejected] == keys[2:]
    assert {one.reason for one in rejected} == {
        "Expected at most 2500 bytes of text in UTF-8, which is what the key can hold"
    }
