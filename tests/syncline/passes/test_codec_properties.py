"""Any item that fits goes through the codec unchanged."""

from datetime import UTC, timedelta, timezone
from decimal import Decimal
from typing import Any, cast

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from support.boxes import Box

from syncline.passes.codec import Rejected, codec_of

BOXES = codec_of(Box)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
nested = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
boxes = st.fixed_dictionaries(
    {"id": st.integers(-(2**63), 2**63 - 1)},
    optional={
        "label": st.none() | texts,
        "count": st.integers(-(2**31), 2**31 - 1),
        "weight": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "price": st.none() | st.decimals(-(10**13) + 1, 10**13 - 1, places=2),
        "full": st.booleans(),
        "packed_on": st.none() | st.dates(),
        "packed_at": st.none() | st.datetimes(timezones=zones).filter(lambda at: 2 < at.year < 9998),
        "parts": nested,
        "unheard_of": nested,
    },
)
DEFAULTS = {
    "label": None,
    "count": 0,
    "weight": None,
    "price": None,
    "full": False,
    "packed_on": None,
    "packed_at": None,
    "parts": None,
}


@settings(max_examples=200)
@given(boxes)
def test_values_come_through(box: dict[str, Any]) -> None:
    """What was sent is what is stored: instants in UTC, amounts with two places, the rest as it is."""
    content = msgspec.json.encode(box)
    keyed, rejected = BOXES.keys([content])
    assert (keyed, rejected) == ([(box["id"], content)], [])
    got = BOXES.decode(box["id"], content)
    assert not isinstance(got, Rejected), got.reason
    values = dict(zip(BOXES.columns, got[0], strict=True))
    assert values == DEFAULTS | {name: value for name, value in box.items() if name != "unheard_of"}
    assert values["packed_at"] is None or values["packed_at"].tzinfo is UTC
    assert values["price"] is None or values["price"].as_tuple().exponent == -2


@settings(max_examples=100)
@given(boxes, st.randoms(use_true_random=False))
def test_the_order_of_keys_never_matters(box: dict[str, Any], random: Any) -> None:  # noqa: ANN401 - Hypothesis' Random
    """However an upstream writes the same item, it has the same fingerprint."""
    assert _fingerprint(box) == _fingerprint(_shuffled(box, random))


@settings(max_examples=100)
@given(boxes, boxes)
def test_only_equal_items_have_equal_fingerprints(one: dict[str, Any], other: dict[str, Any]) -> None:
    """A change that looked like none would never be stored."""
    values = [DEFAULTS | {name: value for name, value in box.items() if name != "unheard_of"} for box in (one, other)]
    if msgspec.json.encode(values[0], order="sorted") == msgspec.json.encode(values[1], order="sorted"):
        assert _fingerprint(one) == _fingerprint(other)
    if values[0] != values[1]:
        assert _fingerprint(one) != _fingerprint(other)


@settings(max_examples=300)
@given(st.binary(max_size=60) | boxes.map(msgspec.json.encode).map(lambda content: content[:-1]) | nested)
def test_no_bytes_break_it(content: Any) -> None:  # noqa: ANN401 - anything at all
    """Whatever comes is an item or a reject, never an exception that ends the pass."""
    sent = content if isinstance(content, bytes) else msgspec.json.encode({"id": 1, "label": content, "price": content})
    keyed, rejected = BOXES.keys([sent])
    assert len(keyed) + len(rejected) == 1
    for key, item in keyed:
        BOXES.decode(key, item)


def test_an_amount_is_the_same_however_it_is_written() -> None:
    """12.5, "12.50" and 1.25e1 are one amount, and no change."""
    sent = [b"12.5", b'"12.50"', b"1.25e1", b'"12.500"']
    fingerprints = {_of(BOXES.decode(1, b'{"id":1,"price":%s}' % price)) for price in sent}
    assert len(fingerprints) == 1
    assert _fingerprint({"id": 1, "price": Decimal("12.5")}) in fingerprints


def _fingerprint(box: dict[str, Any]) -> bytes:
    return _of(BOXES.decode(box["id"], msgspec.json.encode(box)))


def _of(got: tuple[tuple[Any, ...], bytes] | Rejected) -> bytes:
    assert not isinstance(got, Rejected), got.reason
    return got[1]


def _shuffled(value: Any, random: Any) -> Any:  # noqa: ANN401 - any JSON
    match value:
        case dict():
            entries = list(cast("dict[str, Any]", value).items())
            random.shuffle(entries)
            return {key: _shuffled(inner, random) for key, inner in entries}
        case list():
            return [_shuffled(inner, random) for inner in cast("list[Any]", value)]
        case _:
            return value
