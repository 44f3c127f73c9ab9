"""Columns that are read from within an object which another column keeps whole."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import Field, Session, col
from support.bodies import BodyPages
from support.runs import counted, run, session
from support.sources import make_source

from syncline.model.columns import BigInt, JsonColumn, NumberText
from syncline.model.items import Item, table_of
from syncline.model.policies import Deletes, Mode
from syncline.model.session import Status
from syncline.model.source import Source
from syncline.passes.codec import ItemCodec, Rejected, codec_of
from syncline.store.engine import Store

FIELDS = {"user_name": "user.name", "city": "user.address.city", "balance": "user.balance"}
WHOLE = {"name": "A", "address": {"city": "B"}}
ANN = {"name": "Ann", "address": {"city": "Bern", "zip": 3000}, "balance": 1.10}


class Visit(Item, table=True):
    """An object, an object within it, and fields of both."""

    __tablename__ = "test_visits"

    city: str | None = None
    id: int = Field(primary_key=True, sa_type=BigInt, sa_column_kwargs={"autoincrement": False})
    user_name: str | None = None
    user: Any = Field(default=None, sa_type=JsonColumn, nullable=True)
    address: Any = Field(default=None, sa_type=JsonColumn, nullable=True)
    balance: str | None = Field(default=None, sa_type=NumberText)


@pytest.fixture
def pages(store: Store) -> BodyPages:
    table_of(Visit).create(store.engine, checkfirst=True)
    return BodyPages()


@pytest.fixture
def source(pages: BodyPages) -> Source:
    fields = FIELDS | {"address": "user.address"}
    deletes = Deletes(full_pass_every_seconds=None)
    return make_source(name="visits", pages=pages, table=Visit, fields=fields, deletes=deletes)


def stored(store: Store) -> list[dict[str, Any]]:
    with store.read() as connection:
        rows = Session(connection).scalars(select(Visit).order_by(col(Visit.id)))
        return [row.model_dump() for row in rows]


def show(pages: BodyPages, *users: object) -> None:
    pages.show(*(json.dumps({"id": number, "user": user}).encode() for number, user in enumerate(users, 1)))


def changes(store: Store, source: Source) -> tuple[int, int, int, int]:
    """What a run counted: created, updated, deleted, unchanged."""
    tally = counted(store, run(store, source).session_id)
    return tally.created, tally.updated, tally.deleted, tally.unchanged


def test_both_are_stored_and_a_change_within_counts_once(store: Store, pages: BodyPages, source: Source) -> None:
    """The object's text is one column, its name another: one row changed, and none that only its order changed."""
    bob = {"name": "Bob", "address": None, "balance": 2.5}
    show(pages, ANN, bob)
    assert changes(store, source) == (2, 0, 0, 0)
    first, second = stored(store)
    assert first == {
        "id": 1, "user_name": "Ann", "city": "Bern", "balance": "1.1", "user": ANN, "address": ANN["address"],
    }  # fmt: skip
    assert (second["user_name"], second["city"], second["address"], second["user"]) == ("Bob", None, None, bob)
    show(pages, dict(reversed(ANN.items())), bob)
    assert changes(store, source) == (0, 0, 0, 2)
    show(pages, ANN | {"name": "Anna"}, bob | {"age": 7})
    assert changes(store, source) == (0, 2, 0, 0)
    assert [(row["user_name"], row["user"].get("age")) for row in stored(store)] == [("Anna", None), ("Bob", 7)]


def test_a_part_that_does_not_fit_is_one_reject_with_its_place(store: Store, pages: BodyPages, source: Source) -> None:
    """The object alone would fit: the item is stored whole, or not at all."""
    show(pages, ANN, ANN | {"name": 5}, "nobody", None)
    ran = run(store, source)
    assert (ran.status, session(store, ran.session_id).items_rejected) == (Status.PARTIAL, 2)
    assert [(row["id"], row["user_name"]) for row in stored(store)] == [(1, "Ann"), (4, None)]


def test_a_part_that_vanishes_from_every_object_keeps_its_values(
    store: Store, pages: BodyPages, source: Source
) -> None:
    """What the object lost is seen in it; the column of its own stays until the loss is accepted."""
    show(pages, *(ANN for _ in range(30)))
    run(store, source)
    show(pages, *({**ANN, "name": None} for _ in range(30)))
    ran = run(store, source, mode=Mode.FULL)
    assert "user_name: no item has a value any more" in (session(store, ran.session_id).reason or "")
    assert {(row["user_name"], row["user"]["name"]) for row in stored(store)} == {("Ann", None)}


def decoded(made: ItemCodec, item: Mapping[str, object]) -> dict[str, Any] | str:
    found = made.decode(1, json.dumps(item).encode())
    return found.reason if isinstance(found, Rejected) else dict(zip(made.columns, found[0], strict=True))


LEVELS: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
    ({"id": 1}, (None, None, None)),
    ({"id": 1, "user": None}, (None, None, None)),
    ({"id": 1, "user": {}}, (None, None, {})),
    ({"id": 1, "user": {"address": {}}}, (None, None, {"address": {}})),
    ({"id": 1, "user": WHOLE}, ("A", "B", WHOLE)),
]


@pytest.mark.parametrize(("item", "expected"), LEVELS)
def test_levels_that_are_missing_leave_their_fields_empty(
    item: dict[str, object], expected: tuple[object, ...]
) -> None:
    """As where no column keeps the object."""
    found = decoded(codec_of(Visit, FIELDS | {"address": "elsewhere"}), item)
    assert isinstance(found, dict)
    assert (found["user_name"], found["city"], found["user"]) == expected


@pytest.mark.parametrize(
    ("user", "place"),
    [({"name": 5}, "$.user.name"), ({"address": {"city": []}}, "$.user.address.city"), ("x", "$.user")],
)
def test_the_reason_names_the_place_in_the_item(user: object, place: str) -> None:
    """The item is decoded a second time for what lies within, by the same names."""
    found = decoded(codec_of(Visit, FIELDS | {"address": "user.address"}), {"id": 1, "user": user})
    assert isinstance(found, str)
    assert found.endswith(f"at `{place}`")


def test_where_a_part_is_read_is_part_of_the_tables_shape() -> None:
    """After a change of `fields` every item is looked at once more."""
    shapes = {codec_of(Visit, FIELDS | more).shape for more in ({}, {"city": "user.city"}, {"address": "user.address"})}
    assert len(shapes) == 3
