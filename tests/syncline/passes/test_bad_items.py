"""One bad item is one reject, and the rest lands, on both databases."""

import pytest
from sqlalchemy import select
from sqlmodel import Session, col
from support.bodies import BodyPages
from support.boxes import Box, Parcel
from support.runs import run, session
from support.sources import make_source

from syncline.model.items import table_of
from syncline.model.policies import Deletes
from syncline.model.session import Status
from syncline.store import rejects
from syncline.store.engine import Store


@pytest.fixture
def tables(store: Store) -> None:
    for item in (Box, Parcel):
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
        (b'{"id":2,"parts":{"n":' + b"9" * 40 + b"}}", "2", "64 bits"),
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
    """A shop with one broken product would otherwise be out of date for as long as nobody mends that one."""
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
