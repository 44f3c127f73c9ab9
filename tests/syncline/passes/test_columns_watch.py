"""Columns that vanish from what an upstream sends: their stored values stay until an operator accepts the loss."""

import json
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import Session, col
from support.bodies import BodyPages
from support.boxes import Box
from support.runs import Ran, counted, run, session
from support.sources import altered, make_source

from syncline.model.items import table_of
from syncline.model.policies import Deletes, Mode
from syncline.model.session import Status
from syncline.model.source import Source
from syncline.passes.columns_watch import are_enough
from syncline.store.engine import Store


@pytest.fixture
def pages(store: Store) -> BodyPages:
    table_of(Box).create(store.engine, checkfirst=True)
    return BodyPages()


@pytest.fixture
def source(pages: BodyPages) -> Source:
    return make_source(pages=pages, deletes=Deletes(full_pass_every_seconds=None))


def box(number: int, **changes: object) -> dict[str, object]:
    """A box with a value in each column; what is None in `changes` is left out."""
    full: dict[str, object] = {"id": number, "label": f"box {number}", "count": 3, "weight": 1.5, "price": "2.50"}
    full |= {"packed_at": "2026-01-01T00:00:00Z", "parts": {"n": [1, 2.5, "x"], "a": None}}
    return {name: value for name, value in (full | changes).items() if value is not None}


def show(pages: BodyPages, *boxes: dict[str, object]) -> None:
    pages.show(*(json.dumps(one).encode() for one in boxes))


def column(store: Store, name: str) -> list[Any]:
    with store.read() as connection:
        return [getattr(one, name) for one in Session(connection).scalars(select(Box).order_by(col(Box.id)))]


def said(store: Store, ran: Ran) -> str:
    return session(store, ran.session_id).reason or ""


@pytest.mark.parametrize(
    ("name", "sent"),
    [("label", {}), ("label", {"label": ...}), ("count", {}), ("parts", {}), ("price", {}), ("packed_at", {})],
)
@pytest.mark.parametrize("number", [8, 40])
def test_a_column_that_vanishes_from_every_item_keeps_its_values(
    *, store: Store, pages: BodyPages, source: Source, name: str, sent: dict[str, object], number: int
) -> None:
    """3,500 titles became NULL in silence, and could not be restored once the upstream had lost them."""
    show(pages, *(box(n) for n in range(1, number + 1)))
    run(store, source)
    before = column(store, name)
    lost = [
        {k: None if v is ... else v for k, v in (box(n, **{name: None}) | sent).items()} for n in range(1, number + 1)
    ]
    show(pages, *lost)
    for _ in range(2):  # and it stays so, without an update, however often it is tried
        ran = run(store, source)
        assert column(store, name) == before
        assert ran.status is Status.PARTIAL
        assert f"{name}: no item has a value any more" in said(store, ran)
        assert "--force" in said(store, ran)
        assert counted(store, ran.session_id).unchanged == number
    forced = run(store, source, force=True)
    assert set(map(str, column(store, name))) == {"0" if name == "count" else "None"}
    assert (forced.status, forced.pulled.updated) == (Status.COMPLETED, number)
    assert run(store, source).pulled.unchanged == number


def test_an_item_that_does_not_fit_lets_no_column_go(store: Store, pages: BodyPages, source: Source) -> None:
    """A reject keeps its row as it was, which does not say that the upstream still has the field."""
    show(pages, *(box(n) for n in range(1, 41)))
    run(store, source)
    show(pages, *(box(n, label=None, count="?" if n == 7 else n) for n in range(1, 41)))
    ran = run(store, source)
    assert column(store, "label") == [f"box {n}" for n in range(1, 41)]
    assert "label: no item has a value any more" in said(store, ran)


def test_what_else_changed_is_stored(store: Store, pages: BodyPages, source: Source) -> None:
    """Prices must not be old because titles are gone."""
    show(pages, *(box(n) for n in range(1, 31)))
    run(store, source)
    show(pages, *(box(n, label=None, count=n) for n in range(1, 31)), box(31, label=None))
    ran = run(store, source)
    assert column(store, "count") == [*range(1, 31), 3]
    assert column(store, "label") == [*(f"box {n}" for n in range(1, 31)), None]
    # 3 is what the third held: it alone is as it was
    assert (ran.status, ran.pulled.created, ran.pulled.updated, ran.pulled.unchanged) == (Status.PARTIAL, 1, 29, 1)
    show(pages, *(box(n, count=n) for n in range(1, 31)), box(31))
    well = run(store, source)
    assert (well.status, well.pulled.updated, well.pulled.unchanged) == (Status.COMPLETED, 1, 30)


@pytest.mark.parametrize(
    ("lose", "keep", "new"),
    [
        (range(1, 20), range(20, 41), range(0)),  # the others are as they were, and have it
        (range(1, 31), range(31, 41), range(0)),
        (range(1, 40), range(0), range(50, 51)),  # a new one has it
        (range(1, 5), range(0), range(0)),  # few, whatever they lose
    ],
)
def test_values_that_some_items_lose_are_lost(
    *, store: Store, pages: BodyPages, source: Source, lose: range, keep: range, new: range
) -> None:
    """An item without a label has no label: that is what keeping up to date means."""
    show(pages, *(box(n) for n in [*lose, *keep]))
    run(store, source)
    show(pages, *(box(n, label=None) for n in lose), *(box(n) for n in [*keep, *new]))
    ran = run(store, source)
    assert ran.status is Status.COMPLETED
    assert column(store, "label") == [None] * len(lose) + [f"box {n}" for n in [*keep, *new]]


def test_a_column_that_most_rows_never_had_may_go(store: Store, pages: BodyPages, source: Source) -> None:
    """Ten discounts among forty boxes that end on one day are no accident."""
    show(pages, *(box(n, weight=1.0 if n <= 10 else None) for n in range(1, 41)))
    run(store, source)
    show(pages, *(box(n, weight=None, count=9) for n in range(1, 41)))
    assert run(store, source).status is Status.COMPLETED
    assert column(store, "weight") == [None] * 40


def test_once_values_are_kept_a_few_more_are_too(store: Store, pages: BodyPages, source: Source) -> None:
    """Incremental runs bring three items at a time: they would empty the column all the same, only slowly."""
    show(pages, *(box(n) for n in range(1, 41)))
    run(store, source)
    show(pages, *(box(n, label=None) for n in range(1, 31)))
    kept = altered(source, deletes=Deletes(max_fraction=0, floor=0, agreeing_passes=None, full_pass_every_seconds=None))
    run(store, kept)
    show(pages, *(box(n, label=None, count=7) for n in (33, 34)))
    ran = run(store, kept)
    assert column(store, "label") == [f"box {n}" for n in range(1, 41)]
    assert column(store, "count")[32:34] == [7, 7]
    assert "label: no item has a value" in said(store, ran)


def test_a_source_that_has_no_run_with_force_takes_what_comes(store: Store, pages: BodyPages, source: Source) -> None:
    """A loss that could not be accepted would make every session partial."""
    never = altered(source, deletes=Deletes(never=True, full_pass_every_seconds=None))
    show(pages, *(box(n) for n in range(1, 41)))
    run(store, never)
    show(pages, *(box(n, label=None) for n in range(1, 41)))
    assert run(store, never).status is Status.COMPLETED
    assert column(store, "label") == [None] * 40


@pytest.mark.parametrize(
    ("mode", "changed", "same", "again", "enough"),
    [
        (Mode.FULL, 20, 900, False, True),
        (Mode.FULL, 19, 1, False, False),
        (Mode.FULL, 5, 0, False, True),
        (Mode.FULL, 4, 0, False, False),
        (Mode.INCREMENTAL, 19, 0, False, False),
        (Mode.INCREMENTAL, 20, 0, False, True),
        (Mode.INCREMENTAL, 1, 0, True, True),
    ],
)
def test_how_many_rows_are_enough(*, mode: Mode, changed: int, same: int, again: bool, enough: bool) -> None:
    """A small page of a full pass speaks for all; a few changes of an incremental one do not."""
    assert are_enough(mode, changed=changed, same=same, again=again) is enough
