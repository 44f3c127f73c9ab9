"""What an unfinished pass has seen, for integer and text keys."""

from dataclasses import dataclass

import pytest
from support.boxes import Box, Parcel

from syncline.model.page import Key
from syncline.store.engine import Store
from syncline.store.item_rows import ItemRow, ItemRows
from syncline.store.items_postgresql import PostgresqlRows
from syncline.store.items_sqlite import SqliteRows
from syncline.store.pass_keys import PassKeys


@dataclass(frozen=True)
class Pass:
    """A pass over a table in which the keys 1 to 9 are stored."""

    store: Store
    rows: ItemRows
    keys: PassKeys

    def key(self, number: int) -> Key:
        return f"k{number}" if self.rows.key_is_text else number

    def number(self, key: Key) -> int:
        return int(str(key).removeprefix("k"))

    def note(self, *numbers: int, missing: bool = False) -> None:
        add = self.keys.add_missing if missing else self.keys.add_seen
        with self.store.write() as connection:
            add(connection, [self.key(number) for number in numbers])

    def seen(self, *numbers: int, contiguous_up_to: int | None = None, stored: tuple[int, ...] = ()) -> set[int]:
        with self.store.read() as connection:
            found = self.keys.seen_among(
                connection,
                [self.key(number) for number in numbers],
                contiguous_up_to=None if contiguous_up_to is None else self.key(contiguous_up_to),
                stored={self.key(number) for number in stored},
            )
        return {self.number(key) for key in found}

    def gone(self, *, contiguous_up_to: int | None = None, ordered: bool) -> set[int]:
        with self.store.read() as connection:
            found = self.keys.unseen(
                connection,
                self.rows,
                contiguous_up_to=None if contiguous_up_to is None else self.key(contiguous_up_to),
                ordered=ordered,
            )
        assert len(found) == len(set(found))
        return {self.number(key) for key in found}


@pytest.fixture(params=[Box, Parcel], ids=["int-keys", "shared-text-keys"])
def walk(request: pytest.FixtureRequest, store: Store) -> Pass:
    kind = SqliteRows if store.is_sqlite else PostgresqlRows
    made = Pass(store, kind(request.param, source="boxes", account_id="anna"), PassKeys("boxes", "anna"))
    mine = made.rows
    others = [kind(Parcel, source="boxes", account_id="bert"), kind(Parcel, source="jars", account_id="anna")]
    with store.write() as connection:
        for rows in [mine, *(others if mine.partition else [])]:
            names = rows.columns[: len(rows.columns) - 3 - len(rows.partition)]
            numbers = range(1, 10) if rows is mine else range(1, 20)
            written = [
                ItemRow(
                    made.key(n),
                    tuple({"id": made.key(n), "count": 0, "full": False}.get(name) for name in names),
                    (b"r" * 16, b"f" * 16),
                )
                for n in numbers
            ]
            rows.insert(connection, written, store.clock.now())
    return made


def test_nothing_is_seen_at_first(walk: Pass) -> None:
    """Before its first page a pass has seen nothing, and all that is stored would be gone."""
    assert walk.seen(1, 2, 3) == set()
    assert walk.gone(ordered=True) == set(range(1, 10))


def test_what_is_noted_as_seen_is_seen(walk: Pass) -> None:
    """Keys that come in any order are written down one by one; noting one twice is no error."""
    walk.note(3, 7)
    walk.note(7, 8)
    assert walk.seen(3, 4, 7, 8, 20) == {3, 7, 8}
    assert walk.gone(ordered=False) == {1, 2, 4, 5, 6, 9}


def test_a_covered_range_is_seen_but_for_what_it_lacked(walk: Pass) -> None:
    """Keys came in rising order up to 6 and lacked 2 and 5: 1, 3, 4, 6 were seen; 7 to 9 did not come yet."""
    walk.note(2, 5, missing=True)
    assert walk.seen(*range(1, 10), contiguous_up_to=6, stored=tuple(range(1, 10))) == {1, 3, 4, 6}
    assert walk.gone(contiguous_up_to=6, ordered=True) == {2, 5, 7, 8, 9}


def test_what_is_not_stored_was_not_seen_in_a_range(walk: Pass) -> None:
    """All that was seen in a range was stored; what is not is new."""
    assert walk.seen(3, 4, contiguous_up_to=6, stored=(3,)) == {3}


def test_what_turns_up_after_all_is_not_gone(walk: Pass) -> None:
    """A key that a range lacked and a later page showed has moved."""
    walk.note(2, 5, missing=True)
    walk.note(5)
    assert walk.seen(2, 5, contiguous_up_to=9, stored=(2, 5)) == {5}
    assert walk.gone(contiguous_up_to=9, ordered=False) == {2}


def test_range_and_list_complete_each_other(walk: Pass) -> None:
    """Rising up to 4 (without 2), then 8 and 6: 5, 7, 9 and 2 are gone."""
    walk.note(2, missing=True)
    walk.note(8, 6)
    assert walk.gone(contiguous_up_to=4, ordered=False) == {2, 5, 7, 9}


def test_missing_keys_that_are_no_longer_stored_are_not_gone_again(walk: Pass) -> None:
    """A tombstone may have deleted them meanwhile."""
    walk.note(2, 15, missing=True)
    assert walk.gone(contiguous_up_to=9, ordered=True) == {2}


def test_a_new_pass_begins_with_nothing(walk: Pass) -> None:
    """Clearing forgets this source's and account's keys, and no other's."""
    other = PassKeys("boxes", "bert")
    walk.note(1, 2)
    with walk.store.write() as connection:
        other.add_seen(connection, [walk.key(1)])
        walk.keys.clear(connection)
        kept = set(other.seen_among(connection, [walk.key(1)], contiguous_up_to=None, stored=()))
    assert walk.seen(1, 2) == set()
    assert kept == {walk.key(1)}


def test_many_keys_pass_in_one_go(walk: Pass) -> None:
    """A page may hold more keys than a statement can bind one by one."""
    walk.note(*range(1, 40_001))
    assert len(walk.seen(*range(1, 40_001))) == 40_000
    assert walk.gone(ordered=False) == set()
