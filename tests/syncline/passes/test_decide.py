"""What a batch means for the table, without a table."""

import pytest
from support.shop import product, raw

from syncline.erp.tables import Product
from syncline.model.page import Key
from syncline.model.session import Tally
from syncline.passes.codec import Rejected, codec_of
from syncline.passes.decide import Changes, decide, rises
from syncline.store.item_rows import Known

CODEC = codec_of(Product)


def known(*numbers: int, name: str = "old") -> Known:
    found: Known = {}
    for number in numbers:
        content = raw(product(number, name=name))
        decoded = CODEC.decode(number, content)
        assert not isinstance(decoded, Rejected)
        found[number] = (CODEC.raw_fingerprint(content), decoded[1])
    return found


def batch(repeated: frozenset[Key] = frozenset(), rewritten: frozenset[Key] = frozenset()) -> Changes:
    """Of 1 to 3, which are stored, 1 is the same, 2 is spelt otherwise, 3 changed; 4 is new, 5 does not fit."""
    items: dict[Key, bytes] = {
        1: raw(product(1, name="old")),
        2: raw(dict(reversed(product(2, name="old").items()))),
        3: raw(product(3, name="new")),
        4: raw(product(4)),
        5: raw(product(5, price="-1")),
    }
    return decide(CODEC, items, known(1, 2, 3), repeated=repeated, rewritten=rewritten, updated_column="updated_at")


def test_each_item_has_one_outcome() -> None:
    """5 processed: 1 created, 1 updated, 2 unchanged, 1 rejected."""
    changes = batch()
    assert [row.key for row in changes.new] == [4]
    assert [row.key for row in changes.changed] == [3]
    assert [key for key, _ in changes.respelt] == [2]
    assert [item.key for item in changes.rejected] == [5]
    assert changes.tally == Tally(processed=5, created=1, updated=1, unchanged=2, rejected=1)


@pytest.mark.parametrize(
    ("repeated", "rewritten", "expected"),
    [
        # 3 was seen before, unchanged, and counted so; now it changed: one less unchanged, one more updated
        ({1, 2, 3}, set[Key](), Tally(processed=2, created=1, updated=1, unchanged=-1, rejected=1)),
        # 3 was updated by this pass before: it counts no more
        ({1, 2, 3}, {3}, Tally(processed=2, created=1, rejected=1)),
        # 4 and 5 are new to the pass, the others are not
        ({1, 2, 3, 5}, {3}, Tally(processed=1, created=1)),
        # 1 alone was seen before
        ({1}, set[Key](), Tally(processed=4, created=1, updated=1, unchanged=1, rejected=1)),
    ],
)
def test_what_was_counted_before_is_not_counted_again(repeated: set[Key], rewritten: set[Key], expected: Tally) -> None:
    """Items that moved between pages count once in a pass; the second sight only corrects the first."""
    assert batch(repeated=frozenset(repeated), rewritten=frozenset(rewritten)).tally == expected


def test_the_newest_change_is_that_of_a_decoded_item() -> None:
    """Known items are not decoded: their changes were counted into the cursor when they came."""
    assert batch().newest is not None
    assert decide(CODEC, {1: raw(product(1, name="old"))}, known(1), updated_column="updated_at").newest is None
    assert decide(CODEC, {9: raw(product(9))}, {}).newest is None


@pytest.mark.parametrize(
    ("keys", "after", "expected"),
    [
        ([], None, True),
        ([], 5, True),
        ([1, 2, 9], None, True),
        ([1, 2, 9], 0, True),
        ([1, 2, 9], 1, False),  # begins where the last one ended
        ([1, 1], None, False),  # strictly
        ([2, 1], None, False),
        (["B", "a"], "A", True),  # by code point
    ],
)
def test_rising_is_strict_and_goes_on(keys: list[Key], after: Key | None, *, expected: bool) -> None:
    """Only an unbroken rise covers a range."""
    assert rises(keys, after) is expected
