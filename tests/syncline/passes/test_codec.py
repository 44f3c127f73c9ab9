"""Items between the wire and the table."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlmodel import Field
from support.shop import product, raw

from syncline.erp.tables import Customer, Product
from syncline.model.columns import JsonColumn, KeyText
from syncline.model.items import Item
from syncline.passes.codec import ItemCodec, Rejected, codec_of

PRODUCTS = codec_of(Product)
NESTED = codec_of(Customer, {"id": "item.no"})


class Strict(Item, table=True):
    """A table whose nested part must be there, with a field that is made where it is missing, and aliases."""

    __tablename__ = "test_stricts"

    id: int = Field(primary_key=True, alias="ID")
    parts: Any = Field(sa_type=JsonColumn, nullable=False)
    tags: list[str] = Field(default_factory=list[str], sa_type=JsonColumn)
    size: float = Field(default=1, gt=0, le=10)


class Names(Item, table=True):
    """A text key of any length, and a name that is not the upstream's."""

    __tablename__ = "test_names"

    key: str = Field(primary_key=True, sa_type=KeyText, alias="itemId")
    full_name: str = Field(alias="fullName")


def decoded(changes: dict[str, Any], codec: ItemCodec = PRODUCTS) -> dict[str, Any]:
    """The values of a product with `changes`, by column."""
    got = codec.decode(1, raw(product(1, **changes)))
    assert not isinstance(got, Rejected), got.reason
    return dict(zip(codec.columns, got[0], strict=True))


def reason(content: bytes, codec: ItemCodec = PRODUCTS) -> str:
    got = codec.decode(1, content)
    assert isinstance(got, Rejected)
    assert (got.key, got.raw) == (1, content)
    return got.reason


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"price": "-0.01"}, "Expected `Decimal` >= 0 - at `$.price`"),
        ({"price": "0.001"}, "Expected `Decimal` with at most 2 places - at `$.price`"),
        ({"price": "10000000000000"}, "Expected `Decimal` below 10000000000000 - at `$.price`"),  # 14 digits + 2
        ({"price": "NaN"}, "the value is out of range - at `$.price`"),
        ({"price": "Infinity"}, "Expected `Decimal` below 10000000000000 - at `$.price`"),
        ({"price": "1,50"}, "Invalid decimal string - at `$.price`"),
        ({"price": None}, "Expected `decimal`, got `null` - at `$.price`"),
        ({"stock": -1}, "Expected `int` >= 0 - at `$.stock`"),
        ({"stock": 2**31}, "Expected `int` <= 2147483647 - at `$.stock`"),
        ({"stock": 1.5}, "Expected `int`, got `float` - at `$.stock`"),
        ({"sku": ""}, "Expected `str` of length >= 1 - at `$.sku`"),
        ({"sku": "x" * 65}, "Expected `str` of length <= 64 - at `$.sku`"),
        ({"name": 5}, "Expected `str`, got `int` - at `$.name`"),
        ({"active": "yes"}, "Expected `bool`, got `str` - at `$.active`"),
        ({"updated_at": "yesterday"}, "Invalid RFC3339 encoded datetime - at `$.updated_at`"),
        ({"updated_at": "0001-01-01T00:00:00+01:00"}, "the value is out of range - at `$.updated_at`"),  # year 0 in UTC
        ({"name": "a\x00b"}, "a text contains the character U+0000, which databases refuse"),
        ({"tags": {"a\x00b": 1}}, "a text contains the character U+0000, which databases refuse"),
    ],
)
def test_an_item_that_does_not_fit_is_rejected_with_the_place(changes: dict[str, Any], expected: str) -> None:
    """The reason says what is wrong and where; the rest of the page lands."""
    assert reason(raw(product(1, **changes))) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"{", "Input data was truncated"),
        (b"[]", "Expected `object`, got `array`"),
        (b"{}", "Object missing required field `id`"),
        (b'{"id":1,"sku":"\xff"}', "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        (
            raw(product(1)).replace(b'"tags":[', b'"tags":[' + b"[" * 990 + b"]" * 990 + b","),
            "it is nested more than 500 levels deep",
        ),
        (
            raw(product(1)).replace(b'"name":"', rb'"name":"\ud83d\ude00 \\ud83d Sale \ud83d'),
            "a text contains \\ud83d, which is half of a character: it was cut in the middle of one",
        ),
        (b'{"id":1,"unread":[-Infinity]}', "-Infinity is no number in JSON"),
        (
            raw(product(1)).replace(b'"tags":[', b'"tags":[' + b"[" * 20_000 + b"]" * 20_000 + b","),
            "it is nested more than 500 levels deep",
        ),
    ],
)
def test_an_item_that_is_no_proper_json_is_rejected_too(content: bytes, expected: str) -> None:
    """No item, however broken, may stop a pass."""
    assert reason(content) == expected


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"id":null}',
        b'{"id":"a\\u0000b"}',  # PostgreSQL would refuse to look it up
        b'{"id":"\xff"}',
        b'{"id":"\\ud800"}',  # half of a surrogate pair
        b'{"id":NaN}',
        b'{"id":"a" "x":1}',
    ],
)
def test_a_key_that_cannot_be_read_is_told_apart_from_the_others(content: bytes) -> None:
    """One broken item does not hide the keys of its neighbours."""
    good = b'{"id":"c1"}'
    keyed, rejected = codec_of(Customer).keys([good, content, good])
    assert keyed == [("c1", good), ("c1", good)]
    assert [(one.key, one.raw) for one in rejected] == [(None, content)]
    assert rejected[0].reason.startswith("no key: ")


@pytest.mark.parametrize(
    "rest", [rb'"x":"\ud83d"', b'"x":NaN', b'"x":{"y":"\t"}', b'"x":' + b"[" * 20_000 + b"]" * 20_000]
)
@pytest.mark.parametrize(("codec", "start"), [(codec_of(Customer), b'"id":"a"'), (NESTED, b'"item":{"no":"a"}')])
def test_an_item_that_is_no_json_is_known_by_its_key(codec: ItemCodec, start: bytes, rest: bytes) -> None:
    """Its row is still there upstream: a full pass must not delete what it could not read."""
    content = b"{" + start + b"," + rest + b"}"
    assert codec.keys([content]) == ([("a", content)], [])
    assert isinstance(codec.decode("a", content), Rejected)


@pytest.mark.parametrize("key", [2**63, -(2**63) - 1, 1.5, "1", True])
def test_an_integer_key_has_64_bits(key: object) -> None:
    """What the column cannot hold is no key."""
    keyed, rejected = PRODUCTS.keys([json.dumps({"id": key}).encode()])
    assert (keyed, len(rejected)) == ([], 1)


def test_a_field_is_found_by_the_upstreams_name() -> None:
    """Columns may be named as the user likes, the key too."""
    names = codec_of(Names)
    content = b'{"itemId":"a","fullName":"Anna"}'
    assert names.keys([content]) == ([("a", content)], [])
    got = names.decode("a", content)
    assert not isinstance(got, Rejected)
    assert dict(zip(names.columns, got[0], strict=True)) == {"key": "a", "full_name": "Anna"}


def test_fields_that_are_missing_have_their_defaults() -> None:
    """An upstream that leaves out what is empty is understood; unknown fields are ignored."""
    sent = {k: v for k, v in product(1).items() if k not in {"stock", "tags"}} | {"unknown": {"a": [1]}}
    got = PRODUCTS.decode(1, raw(sent))
    assert not isinstance(got, Rejected)
    values = dict(zip(PRODUCTS.columns, got[0], strict=True))
    assert (values["stock"], values["tags"], values["active"], values["brand"]) == (0, None, True, None)


def test_a_default_is_made_anew_for_each_item() -> None:
    """`default_factory` means the same as in the class."""
    strict = codec_of(Strict)
    first, second = (strict.decode(n, f'{{"ID":{n},"parts":{{}}}}'.encode()) for n in (1, 2))
    assert not isinstance(first, Rejected)
    assert not isinstance(second, Rejected)
    assert first[0][2] == second[0][2] == []
    assert first[0][2] is not second[0][2]


def test_a_nested_part_that_must_be_there_is_not_null() -> None:
    """The column refuses NULL: the item is rejected, not the page."""
    assert reason(b'{"ID":1,"parts":null}', codec_of(Strict)).startswith("Expected `")


@pytest.mark.parametrize("size", [0, 10.5])
def test_bounds_of_floats_are_kept(size: float) -> None:
    """What the class forbids does not get into its table."""
    assert reason(json.dumps({"ID": 1, "parts": 1, "size": size}).encode(), codec_of(Strict)).endswith("at `$.size`")


@pytest.mark.parametrize(
    ("sent", "stored"),
    [("12.5", "12.50"), (12.5, "12.50"), (12, "12.00"), ("1e2", "100.00"), ("9999999999999.99", "9999999999999.99")],
)
def test_amounts_have_their_places(sent: object, stored: str) -> None:
    """12.5 and 12.50 are the same amount, as text and as number; all 15 digits are kept."""
    assert str(decoded({"price": sent})["price"]) == stored


@pytest.mark.parametrize(
    "sent", ["2026-01-22T10:00:00Z", "2026-01-22T11:00:00+01:00", "2026-01-22T10:00:00", "2026-01-22 10:00:00Z"]
)
def test_instants_become_utc(sent: str) -> None:
    """An instant without an offset is taken as UTC, others are moved there."""
    assert decoded({"updated_at": sent})["updated_at"] == datetime(2026, 1, 22, 10, tzinfo=UTC)


@pytest.mark.parametrize("name", ["a \\u0000 b", "\\\\u0000"])
def test_text_that_only_speaks_of_the_character_is_welcome(name: str) -> None:
    """A backslash before `u0000` is text like any other."""
    assert decoded({"name": name})["name"] == name


def test_what_is_not_stored_may_contain_anything() -> None:
    """A field that the table does not have cannot harm it."""
    assert decoded({"unknown": "a\x00b"})["name"] == "Product 1"
