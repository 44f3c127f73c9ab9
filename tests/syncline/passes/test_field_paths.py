"""Where fields stand in an upstream's items, as a source declares it."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from support.boxes import Box
from support.sources import make_source

from syncline.errors import ConfigurationError
from syncline.listings.tables import Listing
from syncline.passes.codec import ItemCodec, Rejected, codec_of

POOL = {"external_id": "pool", "title": "symbol", "kind": "outlook.class", "reward": r"more.a\.b.c"}


def codec(paths: Mapping[str, str]) -> ItemCodec:
    return codec_of(Listing, paths)


def values(made: ItemCodec, item: dict[str, Any]) -> dict[str, Any]:
    found = made.decode("x", json.dumps(item).encode())
    assert not isinstance(found, Rejected), found.reason
    return {name: value for name, value in zip(made.columns, found[0], strict=True) if value is not None}


def test_fields_are_read_where_the_source_says() -> None:
    """Feeds name things as they like; the site's columns have one name each."""
    item = {
        "pool": "p",
        "symbol": "DAI",
        "outlook": {"class": "up", "odds": 3},
        "more": {"a.b": {"c": "5 %"}},
        "apy": 4,
    }
    assert values(codec(POOL), item) == {
        "external_id": "p", "title": "DAI", "kind": "up", "reward": "5 %", "apy": 4.0,
        "attributes": {"outlook": {"odds": 3}},
    }  # fmt: skip


@pytest.mark.parametrize("outlook", [{}, {"outlook": None}, {"outlook": {}}, {"outlook": {"class": None}}])
def test_a_level_that_is_missing_leaves_its_fields_empty(outlook: dict[str, Any]) -> None:
    """Half of the nested parts of a feed are null half of the time."""
    assert "kind" not in values(codec(POOL), {"pool": "p", "symbol": "DAI", **outlook})


def test_a_text_key_may_be_a_number_on_the_wire() -> None:
    """Feeds that count their items share the table with those that name them."""
    made = codec(POOL)
    raw = b'{"pool":17,"symbol":"DAI"}'
    assert made.keys([raw]) == ([("17", raw)], [])
    assert values(made, {"pool": 17, "symbol": "DAI"})["external_id"] == "17"


def test_the_reason_names_the_place_in_the_item() -> None:
    """The feed's owner does not know our columns."""
    found = codec(POOL).decode("p", b'{"pool":"p","symbol":"DAI","outlook":{"class":5}}')
    assert isinstance(found, Rejected)
    assert found.reason == "Expected `str | null`, got `int` - at `$.outlook.class`"


def test_a_key_may_stand_deep_in_the_item() -> None:
    """Some wrap each item in an envelope of its own."""
    made = codec({"external_id": "node.id", "title": "node.name"})
    keyed, rejected = made.keys([b'{"node":{"id":"a","name":"A"}}', b'{"node":null}', b"{}"])
    assert [key for key, _ in keyed] == ["a"]
    assert [one.key for one in rejected] == [None, None]


def test_another_place_makes_another_fingerprint() -> None:
    """After the mapping was changed, every item is looked at once more."""
    assert codec(POOL).raw_fingerprint(b"{}") != codec(POOL | {"kind": "outlook.odds"}).raw_fingerprint(b"{}")


def test_a_table_without_a_rest_takes_paths_as_well() -> None:
    """The user's own table and a feed that nests."""
    made = codec_of(Box, {"label": "texts.label", "price": "money.net"})
    found = made.decode(1, b'{"id":1,"texts":{"label":"L"},"money":{"net":1.10},"parts":{"a":1}}')
    assert not isinstance(found, Rejected)
    row = dict(zip(made.columns, found[0], strict=True))
    assert (row["label"], str(row["price"]), row["parts"]) == ("L", "1.10", {"a": 1})


@pytest.mark.parametrize("paths", [{"colour": "c"}, {"source": "s"}, {"attributes": "a"}])
def test_a_field_that_there_is_not_is_refused(paths: dict[str, str]) -> None:
    """A typing error would otherwise leave a column empty for ever."""
    with pytest.raises(
        ConfigurationError, match=r"there is no field .* to read into; the table listings has external_id"
    ):
        make_source(name="yield", table=Listing, fields=paths)


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        ({"title": "name", "project": "name"}, "title and project are both read from 'name'; name another place"),
        ({"title": "project"}, "title and project are both read from 'project'"),
        ({"title": "project.name"}, "title is read from 'project.name', within what project holds, which is no JSON"),
        ({"title": "a.b.c", "project": "a", "kind": "a.b"}, "title is read from 'a.b.c', within what project holds"),
        ({"external_id": "title.id"}, "give title sa_type=JsonColumn"),
        ({"title": "."}, "the place of 'title' in `fields`, '.', names no key"),
    ],
)
def test_two_fields_that_cannot_both_be_read_are_refused_where_they_are_declared(
    paths: dict[str, str], said: str
) -> None:
    """At the first run it would be a failure like any other; the message names both, and what to change."""
    with pytest.raises(ConfigurationError, match=f"source 'yield': .*{re.escape(said)}"):
        make_source(name="yield", table=Listing, fields=paths)
