"""Values go into the tables below the ORM, and are read back through it: they must be the same."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select
from support.boxes import Box

from syncline.clock import ManualClock
from syncline.model.target import Target
from syncline.store.engine import Store
from syncline.store.item_rows import ItemRow, ItemRows
from syncline.store.items_postgresql import PostgresqlRows
from syncline.store.items_sqlite import SqliteRows

FIELDS = ("id", "label", "count", "weight", "price", "full", "packed_on", "packed_at", "parts")
PRINTS = (b"r" * 16, b"f" * 16)


def rows(store: Store) -> ItemRows:
    return (SqliteRows if store.is_sqlite else PostgresqlRows)(Box, target=Target("boxes"))


def written_and_read(store: Store, **values: object) -> Box:
    whole: dict[str, Any] = {"id": 1, "count": 0, "full": False, **values}
    row = ItemRow(whole["id"], tuple(whole.get(name) for name in FIELDS), PRINTS)
    with store.write() as connection:
        rows(store).delete(connection, [whole["id"]])
        rows(store).insert(connection, [row], store.clock.now())
    with store.read() as connection:
        return Session(connection).exec(select(Box).where(Box.id == whole["id"])).one()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("label", ""),
        ("label", "größe 中文 \U0001f600 \\N \t\r\n ' \" ; --"),  # \N is how COPY spells NULL
        ("label", "\\."),  # and how it spells the end
        ("count", -(2**31)),
        ("count", 2**31 - 1),
        ("id", 2**63 - 1),
        ("id", -(2**63)),
        ("weight", 0.1),
        ("weight", 1e300),
        ("price", Decimal("0.10")),
        ("price", Decimal("-9999999999999.99")),  # 15 digits
        ("price", Decimal("9999999999999.99")),
        ("full", True),
        ("packed_on", date(1, 1, 1)),
        ("packed_on", date(9999, 12, 31)),
        ("packed_at", datetime(1, 1, 1, tzinfo=UTC)),
        ("packed_at", datetime(2026, 1, 22, 10, 0, 0, 123456, tzinfo=UTC)),
        ("packed_at", datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ("parts", {"größe": [1, 2.5, None, True, {"tief": "中"}]}),
        ("parts", []),
        ("parts", "text"),
        ("parts", 0),
        ("parts", False),
    ],
)
def test_what_is_read_is_what_was_written(store: Store, name: str, value: Any) -> None:  # noqa: ANN401 - any value
    """A value that changes on its way into the table would be told as changed for ever, or never."""
    found = getattr(written_and_read(store, **{name: value}), name)
    assert found == value
    assert type(found) is type(value)


def test_instants_are_read_in_utc(store: Store) -> None:
    """Whatever offset came in, UTC comes out, and it is the same instant."""
    half_past = datetime(2026, 1, 22, 15, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    found = written_and_read(store, packed_at=half_past).packed_at
    assert found == half_past
    assert found is not None
    assert found.utcoffset() == timedelta(0)


def test_missing_values_are_null(store: Store) -> None:
    """None is NULL in every column that allows it, nested parts included."""
    found = written_and_read(store)
    assert [getattr(found, name) for name in ("label", "weight", "price", "packed_on", "packed_at", "parts")] == [
        None
    ] * 6
    with store.read() as connection:
        sql = "SELECT count(*) FROM test_boxes WHERE parts IS NULL AND label IS NULL AND price IS NULL"
        assert connection.exec_driver_sql(sql).scalar() == 1


texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
nested = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    label=st.none() | texts,
    count=st.integers(-(2**31), 2**31 - 1),
    weight=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    price=st.none() | st.decimals(-(10**13) + 1, 10**13 - 1, places=2),
    packed_on=st.none() | st.dates(),
    packed_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    parts=nested,
)
def test_any_values_are_read_as_they_were_written(store: Store, clock: ManualClock, **values: Any) -> None:  # noqa: ANN401 - any value
    """No value is an exception."""
    found = written_and_read(store, **values)
    assert {name: getattr(found, name) for name in values} == values
