"""Classes of items that cannot work are refused where they are declared."""

from decimal import Decimal
from uuid import UUID

import pytest
from sqlmodel import Field
from support.boxes import Parcel

from syncline.errors import ConfigurationError
from syncline.model.columns import JsonColumn
from syncline.model.items import Item
from syncline.passes.codec import ItemCodec


class WithUuid(Item, table=True):
    __tablename__ = "test_with_uuid"
    id: int = Field(primary_key=True)
    wrong: UUID


class WithPlainDecimal(Item, table=True):
    __tablename__ = "test_with_plain_decimal"
    id: int = Field(primary_key=True)
    wrong: Decimal


class WithTwoTypes(Item, table=True):
    __tablename__ = "test_with_two_types"
    id: int = Field(primary_key=True)
    wrong: int | str | None = Field(sa_type=JsonColumn)


class WithPlainTextKey(Item, table=True):
    __tablename__ = "test_with_plain_text_key"
    id: str = Field(primary_key=True)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (WithPlainTextKey, "id: a text key needs sa_type=KeyText"),  # else PostgreSQL may order it by language
        (
            WithUuid,
            "wrong: a field is one of bool, int, float, Decimal, str, datetime, date, or has sa_type=JsonColumn",
        ),
        (WithPlainDecimal, r"wrong: a Decimal needs sa_type=Amount\(digits, places\)"),
        (WithTwoTypes, "wrong: a field has one type, or that type and None"),
    ],
)
def test_a_field_that_cannot_be_kept_is_refused_where_it_is_declared(item: type[Item], expected: str) -> None:
    """A wrong class is told at the start, not by a broken page."""
    with pytest.raises(ConfigurationError, match=expected):
        ItemCodec(item)


def test_partition_columns_are_not_the_upstreams() -> None:
    """Whose row it is, Syncline knows; an upstream cannot write into another account."""
    assert ItemCodec(Parcel).columns == ("id", "label")
