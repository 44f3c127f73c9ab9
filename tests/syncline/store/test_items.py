"""The contract of the tables of items: one suite for both databases, integer and text keys, own and shared tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text
from support.boxes import Box, Parcel

from syncline.clock import ManualClock
from syncline.model.items import Item
from syncline.model.page import Key
from syncline.store.engine import Store
from syncline.store.item_rows import ItemRow, ItemRows, Known
from syncline.store.items_postgresql import PostgresqlRows
from syncline.store.items_sqlite import SqliteRows


@dataclass(frozen=True)
class Shelf:
    """A table with the keys 1 to 5 in it, and how the keys of the tests are spelt there."""

    store: Store
    rows: ItemRows

    def key(self, number: int) -> Key:
        return f"k{number:03}" if self.rows.key_is_text else number

    def keys(self, *numbers: int) -> list[Key]:
        return [self.key(number) for number in numbers]

    def row(self, number: int, label: str = "old") -> ItemRow:
        key = self.key(number)
        own = {"id": key, "label": label, "count": number, "full": False}
        names = self.rows.columns[: len(self.rows.columns) - 3 - len(self.rows.partition)]
        return ItemRow(key, tuple(own.get(name) for name in names), fingerprints(f"{number}{label}"))

    def known(self, numbers: Sequence[int]) -> Known:
        with self.store.read() as connection:
            return self.rows.known_of(connection, self.keys(*numbers))

    def stored(self) -> set[Key]:
        return set(self.known(range(100)))


def fingerprints(text: str) -> tuple[bytes, bytes]:
    return text.encode().ljust(16, b"r"), text.encode().ljust(16, b"\x00")


def rows(store: Store, item: type[Item], source: str = "boxes", account_id: str | None = None) -> ItemRows:
    kind = SqliteRows if store.is_sqlite else PostgresqlRows
    return kind(item, source=source, account_id=account_id)


@pytest.fixture(params=[Box, Parcel], ids=["int-keys", "shared-text-keys"])
def shelf(request: pytest.FixtureRequest, store: Store) -> Shelf:
    """Five rows of ours; in a shared table, also rows of another source and account with the same keys."""
    made = Shelf(store, rows(store, request.param, account_id="anna"))
    with store.write() as connection:
        made.rows.insert(connection, [made.row(number) for number in range(1, 6)], store.clock.now())
        if made.rows.partition:
            for other in (rows(store, Parcel, "others", "anna"), rows(store, Parcel, "boxes", "bert")):
                other.insert(connection, [made.row(n, "theirs") for n in range(1, 8)], store.clock.now())
    return made


def test_what_was_inserted_is_known_by_its_fingerprints(shelf: Shelf) -> None:
    """Fingerprints tell unchanged items apart; keys that are not there are not known."""
    assert shelf.known([2, 4, 6]) == {shelf.key(2): fingerprints("2old"), shelf.key(4): fingerprints("4old")}
    assert shelf.known([]) == {}


def test_a_range_is_open_below_and_closed_above(shelf: Shelf) -> None:
    """Pages follow each other: 1 < key <= 4 are 2, 3 and 4."""
    with shelf.store.read() as connection:
        found = shelf.rows.known_between(connection, shelf.key(1), shelf.key(4), 100)
        first = shelf.rows.known_between(connection, None, shelf.key(2), 100)
    assert found == {shelf.key(n): fingerprints(f"{n}old") for n in (2, 3, 4)}
    assert first is not None
    assert set(first) == {shelf.key(1), shelf.key(2)}


def test_a_range_with_too_many_rows_is_refused(shelf: Shelf) -> None:
    """A page of ten items must not read a table of a million: five rows pass a limit of 5, not of 4."""
    with shelf.store.read() as connection:
        assert shelf.rows.known_between(connection, None, shelf.key(9), 4) is None
        assert len(shelf.rows.known_between(connection, None, shelf.key(9), 5) or ()) == 5


def test_replaced_rows_have_their_new_values(shelf: Shelf, clock: ManualClock) -> None:
    """All columns of the rows named change, and no other row."""
    later = clock.advance(seconds=60)
    with shelf.store.write() as connection:
        shelf.rows.replace(connection, [shelf.row(2, "new"), shelf.row(3, "new")], later)
        shelf.rows.replace(connection, [shelf.row(4, "new")], later)  # twice in one transaction
        shelf.rows.replace(connection, [], later)
    known = shelf.known(range(1, 6))
    assert known == {shelf.key(n): fingerprints(f"{n}{'new' if n in {2, 3, 4} else 'old'}") for n in range(1, 6)}


@pytest.mark.parametrize(("count", "makes_a_table"), [(2, False), (200, False), (201, True)])
def test_few_rows_are_replaced_without_a_table_of_their_own(
    shelf: Shelf,
    clock: ManualClock,
    count: int,
    makes_a_table: bool,  # noqa: FBT001 - the table's second column
) -> None:
    """On PostgreSQL, making one and taking it away took six times as long as the rows of a small page."""
    later, numbers = clock.advance(seconds=60), range(1, count + 1)
    with shelf.store.write() as connection:
        shelf.rows.insert(connection, [shelf.row(number) for number in range(6, count + 1)], later)
        shelf.rows.replace(connection, [shelf.row(number, "new") for number in numbers], later)
        if not shelf.store.is_sqlite:
            made = text("SELECT n_tup_ins > 0 FROM pg_stat_xact_sys_tables WHERE relname = 'pg_class'")
            assert bool(connection.execute(made).scalar_one()) is makes_a_table
    assert shelf.known(numbers) == {shelf.key(n): fingerprints(f"{n}new") for n in numbers}


def test_rows_tell_when_they_were_written(shelf: Shelf, clock: ManualClock) -> None:
    """What a pass wrote itself is told from what it found, to the instant."""
    later = clock.advance(seconds=60)
    with shelf.store.write() as connection:
        shelf.rows.replace(connection, [shelf.row(2, "new")], later)
        shelf.rows.insert(connection, [shelf.row(6)], later)
    with shelf.store.read() as connection:
        found = shelf.rows.written_since(connection, shelf.keys(1, 2, 6, 7), later)
        nothing = shelf.rows.written_since(connection, [], later)
    assert found == set(shelf.keys(2, 6))
    assert nothing == set()


def test_a_touched_row_keeps_its_values_and_its_date(shelf: Shelf, clock: ManualClock) -> None:
    """The same values in another order are no change: only the raw fingerprint is renewed."""
    later = clock.advance(seconds=60)
    with shelf.store.write() as connection:
        shelf.rows.update_fingerprints(connection, [(shelf.key(2), b"n" * 16), (shelf.key(9), b"n" * 16)])
        shelf.rows.update_fingerprints(connection, [])
        assert shelf.rows.written_since(connection, shelf.keys(2), later) == set()
    assert shelf.known([2, 3, 9]) == {
        shelf.key(2): (b"n" * 16, fingerprints("2old")[1]),
        shelf.key(3): fingerprints("3old"),
    }


def test_deleted_rows_are_counted_once(shelf: Shelf) -> None:
    """Keys that are not there do not count, nor does one that is named twice."""
    with shelf.store.write() as connection:
        assert shelf.rows.delete(connection, shelf.keys(1, 2, 2, 9)) == 2
        assert shelf.rows.delete(connection, []) == 0
        assert shelf.rows.count(connection) == 3
    assert shelf.stored() == set(shelf.keys(3, 4, 5))


def test_other_sources_and_accounts_are_left_alone(store: Store, clock: ManualClock) -> None:
    """Those who share a table see, change and delete their own rows only, though the keys are the same."""
    mine, theirs = (rows(store, Parcel, account_id=who) for who in ("anna", None))
    shelf = Shelf(store, mine)
    with store.write() as connection:
        for part in (mine, theirs):
            part.insert(connection, [shelf.row(n) for n in (1, 2, 3)], clock.now())
        mine.replace(connection, [shelf.row(1, "new")], clock.advance(seconds=1))
        mine.update_fingerprints(connection, [(shelf.key(2), b"n" * 16)])
        mine.delete(connection, shelf.keys(3))
        assert (mine.count(connection), theirs.count(connection)) == (2, 3)
        assert theirs.known_of(connection, shelf.keys(1, 2, 3)) == {
            shelf.key(n): fingerprints(f"{n}old") for n in (1, 2, 3)
        }
        assert len(theirs.known_between(connection, None, shelf.key(9), 100) or ()) == 3
        assert theirs.written_since(connection, shelf.keys(1), clock.now()) == set()


def test_many_rows_pass_in_one_go(store: Store, clock: ManualClock) -> None:
    """Batches are larger than what a statement can bind one by one: 40,000 keys in each call."""
    box = Shelf(store, rows(store, Box))
    keys: list[Key] = list(range(1, 40_001))
    with store.write() as connection:
        box.rows.insert(connection, [box.row(number) for number in range(1, 2_001)], clock.now())
        assert len(box.rows.known_of(connection, keys)) == 2_000
        assert len(box.rows.written_since(connection, keys, clock.now())) == 2_000
        assert box.rows.delete(connection, keys[:1_000]) == 1_000


@pytest.mark.parametrize(
    "keys",
    [
        ["A", "B", "Z", "a", "b", "z"],  # upper case before lower, as in Python
        ["a", "a b", "a-b", "a_b", "aa", "ab"],  # spaces and signs count
        ["e", "z", "é", "ü", "я", "中", "\U0001f600"],  # by code point, also beyond the first 65,536
        ["1", "10", "2"],  # text, not numbers
    ],
)
def test_text_keys_rise_as_in_python(store: Store, clock: ManualClock, keys: list[str]) -> None:
    """What a page covers is judged in Python and read by SQL: if these disagreed, rows would be deleted for nothing."""
    parcels = rows(store, Parcel)
    assert keys == sorted(keys)
    with store.write() as connection:
        parcels.insert(connection, [ItemRow(key, (key, None), fingerprints("x")) for key in keys], clock.now())
        for low, after in enumerate(keys):
            for high in range(low + 1, len(keys)):
                found: Any = parcels.known_between(connection, after, keys[high], 100)
                assert set(found) == set(keys[low + 1 : high + 1])


def test_instants_in_other_zones_are_the_same_instants(store: Store, clock: ManualClock) -> None:
    """`written_since` compares instants, whatever offset they are written with."""
    box = Shelf(store, rows(store, Box))
    with store.write() as connection:
        box.rows.insert(connection, [box.row(1)], clock.now())
        elsewhere = datetime.fromisoformat("2026-01-22T15:30:00+05:30")
        assert box.rows.written_since(connection, [1], elsewhere) == {1}
