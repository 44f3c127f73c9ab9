"""One bad item is one reject, and the rest lands, on both databases."""

import json

import pytest
from sqlalchemy import CheckConstraint, Column, Numeric, String, select
from sqlmodel import Field, Session, col
from support.bodies import BodyPages
from support.boxes import Box, Parcel
from support.runs import counted, run, session
from support.sources import make_source

from syncline.model.columns import BigInt
from syncline.model.items import Item, table_of
from syncline.model.policies import Deletes
from syncline.model.session import Status
from syncline.store import rejects
from syncline.store.engine import Store


class Crate(Item, table=True):
    """A table with rules that only the database knows."""

    __tablename__ = "test_crates"

    id: int = Field(primary_key=True, sa_type=BigInt, sa_column_kwargs={"autoincrement": False})
    label: str | None = Field(default=None, sa_column=Column(String, CheckConstraint("label <> 'forbidden'", "polite")))
    height: float | None = Field(default=None, sa_column=Column(Numeric(5, 2), CheckConstraint("height < 1000")))


@pytest.fixture
def tables(store: Store) -> None:
    for item in (Box, Parcel, Crate):
        table_of(item).create(store.engine, checkfirst=True)


def labels(store: Store) -> dict[int, str | None]:
    """The stored boxes' labels, by id."""
    with store.read() as connection:
        return {box.id: box.label for box in Session(connection).scalars(select(Box).order_by(col(Box.id)))}


def rejected(store: Store, session_id: str) -> list[tuple[str | None, str]]:
    with store.read() as connection:
        return [(one.item_key, one.reason) for one in rejects.of_session(connection, session_id)]


@pytest.mark.parametrize(
    ("bad", "key", "reason"),
    [
        (rb'{"id":2,"label":"Sale \ud83d"}', "2", "half of a character"),
        (rb'{"id":2,"unread":"\udc95"}', "2", "half of a character"),
        (b'{"id":2,"weight":NaN}', "2", "NaN is no number in JSON"),
        (b'{"id":2,"unread":{"a":[Infinity]}}', "2", "Infinity is no number in JSON"),
        (b'{"id":2,"label":"a\tb"}', "2", "malformed"),
        (b'{"id":2,"label":"\xff"}', "2", "utf-8"),
        (b'{"id":2,"count":' + b"9" * 400 + b"}", "2", "`$.count`"),
        (b'{"id":2,"parts":' + b"[" * 990 + b"]" * 990 + b"}", "2", "nested"),
        (b'{"id":2,"unread":' + b'{"a":' * 9_000 + b"1" + b"}" * 9_000 + b"}", "2", "nested"),
        (b'{"id":NaN}', None, "no key"),
        (b"null", None, "got `null`"),
        (b"17", None, "got `int`"),
        (b'"box"', None, "got `str`"),
        (b'[{"id":7}]', None, "got `array`"),
    ],
)
def test_a_bad_item_is_one_reject_and_its_neighbours_land(
    store: Store, tables: None, bad: bytes, key: str | None, reason: str
) -> None:
    """One broken product must not keep the others from being updated."""
    pages = BodyPages()
    pages.show(b'{"id":1,"label":"a"}', b'{"id":2,"label":"b"}', b'{"id":3,"label":"c"}')
    run(store, make_source(pages=pages))
    pages.show(b'{"id":1,"label":"A"}', bad, b'{"id":3,"label":"C"}', b'{"id":4,"label":"D"}')
    ran = run(store, make_source(pages=pages))
    assert labels(store) == {1: "A", 2: "b", 3: "C", 4: "D"}  # what could not be read is not taken for gone
    assert (session(store, ran.session_id).items_rejected, ran.status) == (1, Status.PARTIAL)
    ((found, said),) = rejected(store, ran.session_id)
    assert (found, reason in said) == (key, True), said


def test_a_text_that_no_index_can_hold_is_one_reject(store: Store, tables: None) -> None:
    """As a key it would end the pass in two places: in the table, and among the keys that the pass has seen."""
    source = make_source(name="parcels", pages=(pages := BodyPages()), table=Parcel, deletes=Deletes(max_fraction=1))
    pages.show(b'{"id":"b"}', b'{"id":"gone"}')
    run(store, source, account_id="ann@example.org")
    long = "".join(chr(0x4E00 + number * 7 % 20_000) for number in range(2_000))
    pages.show(b'{"id":"b"}', b'{"id":"%s"}' % long.encode(), b'{"id":"a"}', b'{"id":"%s"}' % ("k" * 2_500).encode())
    ran = run(store, source, account_id="ann@example.org")
    assert (ran.pulled.created, ran.deleted) == (2, 1)  # a key that no row can have does not keep rows from going
    ((key, reason),) = rejected(store, ran.session_id)
    assert (key, "2500 bytes" in reason) == (long, True)


def crates(store: Store) -> dict[int, str | None]:
    with store.read() as connection:
        return {crate.id: crate.label for crate in Session(connection).scalars(select(Crate).order_by(col(Crate.id)))}


def crate(number: int, label: str = "fine", height: float = 1) -> bytes:
    return json.dumps({"id": number, "label": label, "height": height}).encode()


@pytest.mark.parametrize("bad", [{7}, {1, 2, 40}, set(range(1, 41))])
def test_rows_that_the_database_refuses_are_rejects(store: Store, tables: None, bad: set[int]) -> None:
    """A rule of the user's own table ends the batch in which one row breaks it; only that row may stay behind."""
    source = make_source(pages=(pages := BodyPages()), table=Crate)
    pages.show(*(crate(number, "forbidden" if number in bad else "fine") for number in range(1, 41)))
    ran = run(store, source)
    good = set(range(1, 41)) - bad
    assert crates(store) == dict.fromkeys(sorted(good), "fine")
    assert counted(store, ran.session_id).created == len(good)
    said = rejected(store, ran.session_id)
    assert {key for key, _ in said} == {str(number) for number in bad}
    assert all("polite" in reason and "forbidden" not in reason for _, reason in said), said


def test_a_row_that_changes_to_what_the_database_refuses_keeps_what_it_has(store: Store, tables: None) -> None:
    """The last version that fitted is better than none, and the other changes of its batch are made."""
    source = make_source(pages=(pages := BodyPages()), table=Crate)
    pages.show(*(crate(number) for number in range(1, 11)))
    run(store, source)
    pages.show(crate(1, "better"), crate(2, "forbidden"), crate(3, height=5_000), *(crate(n) for n in range(4, 12)))
    ran = run(store, source)
    assert crates(store) == {1: "better", **dict.fromkeys(range(2, 12), "fine")}
    tally = counted(store, ran.session_id)
    assert (tally.created, tally.updated, tally.rejected, tally.unchanged) == (1, 1, 2, 7)
    assert run(store, source).pulled.rejected == 2  # it is the same the next time


def test_a_column_that_vanishes_beside_a_row_that_is_refused_is_told(store: Store, tables: None) -> None:
    """The batch is tried a second time without the bad row, and must say then what the first try would have said."""
    source = make_source(pages=(pages := BodyPages()), table=Crate)
    pages.show(*(crate(number) for number in range(1, 31)))
    run(store, source)
    pages.show(*(b'{"id":%d,"height":%d}' % (number, 5_000 if number == 9 else 2) for number in range(1, 31)))
    ran = run(store, source)
    assert crates(store) == dict.fromkeys(range(1, 31), "fine")
    assert "label: no item has a value any more" in (session(store, ran.session_id).reason or "")


def test_an_error_that_is_no_refusal_is_not_taken_for_one(store: Store, tables: None) -> None:
    """A table that is gone must end the run, not reject each of its items."""
    source = make_source(pages=(pages := BodyPages()), table=Crate)
    pages.show(crate(1))
    table_of(Crate).drop(store.engine)
    with pytest.raises(Exception, match="test_crates"):
        run(store, source)


def on_record(store: Store, source: str = "boxes") -> dict[str | None, int]:
    """What of the source is rejected, and how many sessions have met it."""
    with store.read() as connection:
        return {one.item_key: one.times for one in rejects.of_source(connection, source)}


def box(number: int, label: object = "fine") -> bytes:
    return json.dumps({"id": number, "label": label}).encode()


def test_a_reject_is_on_record_until_its_item_lands_or_is_gone(store: Store, tables: None) -> None:
    """A list of what was wrong some day is of no use; one of what is wrong now is worked off."""
    source = make_source(pages=(pages := BodyPages()))
    pages.show(*map(box, range(1, 11)))
    run(store, source)
    pages.show(*(box(number, 5) for number in range(1, 5)), *map(box, range(5, 11)), b"[1]")
    for times in (1, 2):
        run(store, source)
        assert on_record(store) == {"1": times, "2": times, "3": times, "4": times, None: times}
    pages.show(box(1, "changed"), box(2), box(3, 5), *map(box, range(5, 12)))  # changed, as it was, still bad, gone
    run(store, source)
    assert on_record(store) == {"3": 3}


def test_an_item_without_a_key_is_kept_until_a_full_pass_has_not_seen_it(store: Store, tables: None) -> None:
    """Nothing else can tell that it is mended."""
    source = make_source(pages=(pages := BodyPages()))
    pages.show(*map(box, range(1, 5)), b"[1]", b"[2]")
    run(store, source)
    assert on_record(store) == {None: 1}
    pages.show(*map(box, range(1, 5)), b"[2]")
    run(store, source)
    with store.read() as connection:
        assert [one.raw for one in rejects.of_source(connection, "boxes")] == ["[2]"]


def test_accounts_of_a_source_have_rejects_of_their_own(store: Store, tables: None) -> None:
    """Ann's item that lands is not Bob's."""
    source = make_source(name="parcels", pages=(pages := BodyPages()), table=Parcel)
    pages.show(b'{"id":"a","label":5}', b'{"id":"b"}')
    run(store, source, account_id="ann")
    run(store, source, account_id="bob")
    pages.show(b'{"id":"a"}', b'{"id":"b"}')
    run(store, source, account_id="ann")
    with store.read() as connection:
        assert [(one.account_id, one.item_key) for one in rejects.of_source(connection, "parcels")] == [("bob", "a")]
