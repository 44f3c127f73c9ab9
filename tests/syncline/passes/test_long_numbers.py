"""Numbers that no column of numbers holds exactly: from the wire into a text column, and back, digit for digit."""

import json
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import Field
from support.sources import make_source

from syncline.clock import ManualClock
from syncline.model.columns import Amount, BigInt, JsonColumn, KeyText, NumberText
from syncline.model.items import Item, table_of
from syncline.passes.codec import ItemCodec, Rejected, codec_of
from syncline.store.engine import Store
from syncline.store.item_rows import ItemRow
from syncline.store.items import rows_of

BIG = 10**30


class Coin(Item, table=True):
    __tablename__ = "coins_of_long_numbers"
    id: str = Field(primary_key=True, sa_type=NumberText)
    supply: str | None = Field(default=None, sa_type=NumberText)
    title: str = ""
    nested: Any = Field(default=None, sa_type=JsonColumn, nullable=True)


class Note(Item, table=True):
    __tablename__ = "notes_of_long_numbers"
    id: str = Field(primary_key=True, sa_type=KeyText)
    title: str | None = Field(default=None, max_length=40)
    empty: int = Field(default=0, alias="", sa_type=BigInt)
    price: Decimal | None = Field(default=None, sa_type=Amount)


COINS, NOTES = codec_of(Coin), codec_of(Note)


def read(codec: ItemCodec, content: bytes) -> dict[str, Any] | str:
    """The values by column, or why the item does not fit."""
    keyed, bad = codec.keys([content])
    if bad:
        return bad[0].reason
    got = codec.decode(keyed[0][0], content)
    return got.reason if isinstance(got, Rejected) else dict(zip(codec.columns, got[0], strict=True))


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("5", "5"),
        ("-1000000000000000000000000000000", "-1000000000000000000000000000000"),
        ("12345678901234.56", "12345678901234.56"),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
        ("1.10", "1.10"),
        ("1e400", "1e400"),
        ('"0x1f"', "0x1f"),
        ('"gr\\u00f6\\u00dfe"', "größe"),
        ("null", None),
    ],
)
def test_a_column_for_long_numbers_keeps_what_was_written(written: str, kept: str | None) -> None:
    """A token amount that loses its last digits is another amount."""
    got = read(COINS, f'{{"id": 1, "supply": {written}}}'.encode())
    assert isinstance(got, dict), got
    assert got["supply"] == kept


@pytest.mark.parametrize("written", ["true", "[1]", '{"a": 1}'])
def test_what_is_neither_number_nor_text_is_rejected(written: str) -> None:
    """The place of the mistake is said, as for any other column."""
    assert "Expected a number or `str`" in str(read(COINS, f'{{"id": 1, "supply": {written}}}'.encode()))


@pytest.mark.parametrize("codec", [COINS, NOTES])
@pytest.mark.parametrize("number", [7, 2**63, 18446744073709551615, BIG])
def test_a_text_key_takes_whole_numbers(codec: ItemCodec, number: int) -> None:
    """Ids outgrow 64 bits; the key is the same whether the upstream writes it as a number or as text."""
    for written in (str(number), f'"{number}"'):
        got = read(codec, f'{{"id": {written}}}'.encode())
        assert isinstance(got, dict), got
        assert got["id"] == str(number)


@pytest.mark.parametrize("key", ["1.5", "true", "null", "[1]"])
def test_a_text_key_takes_no_other_value(key: str) -> None:
    """1.5 and 1.50 would be two keys."""
    assert str(read(NOTES, f'{{"id": {key}}}'.encode())).startswith("no key: ")


@pytest.mark.parametrize("number", ["9223372036854775808", "12345678901234.56", "-0.1234567890123456"])
def test_a_plain_text_column_takes_numbers_that_no_other_column_holds(number: str) -> None:
    """A field that was text in the sample, and grew: the digits are all there."""
    got = read(NOTES, f'{{"id": "a", "title": {number}}}'.encode())
    assert isinstance(got, dict), got
    assert got["title"] == number


@pytest.mark.parametrize("number", ["5", "9223372036854775807", "1.5", "123456789012.345", "1" * 41])
def test_a_plain_text_column_refuses_other_numbers(number: str) -> None:
    """A name that is suddenly a number is a mistake of the upstream; bounds hold for long numbers too."""
    assert "Expected `str" in str(read(NOTES, f'{{"id": "a", "title": {number}}}'.encode()))


def test_a_field_whose_name_is_empty_is_read() -> None:
    """CSV turned into JSON has a column without a heading."""
    got = read(NOTES, b'{"id": "a", "": 5}')
    assert isinstance(got, dict), got
    assert got["empty"] == 5


def test_long_numbers_come_back_from_both_databases(store: Store, clock: ManualClock) -> None:
    """Also as key, and nested in JSON."""
    rows = [(BIG, 1), (5, BIG), (2**64, 2**70)]
    with store.write() as connection:
        table_of(Coin).create(connection, checkfirst=True)
        items: list[ItemRow] = []
        for key, supply in rows:
            raw = json.dumps({"id": key, "supply": supply, "nested": {"wei": [supply]}}).encode()
            ((own, _),), _ = COINS.keys([raw])
            got = COINS.decode(own, raw)
            assert not isinstance(got, Rejected), got.reason
            items.append(ItemRow(own, got[0], (COINS.raw_fingerprint(raw), got[1])))
        kept = rows_of(store, make_source(table=Coin))
        kept.insert(connection, items, clock.now())
        assert set(kept.known_of(connection, [str(BIG)])) == {str(BIG)}
        table = table_of(Coin)
        found = connection.execute(select(table.c.id, table.c.supply, table.c.nested).order_by(table.c.id)).all()
    assert [tuple(row) for row in found] == [
        (str(key), str(supply), {"wei": [supply]}) for key, supply in sorted(rows, key=lambda row: str(row[0]))
    ]
