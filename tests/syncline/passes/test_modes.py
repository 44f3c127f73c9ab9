"""How much a run reads: all of it, or what changed."""

from datetime import timedelta

import pytest
from sqlalchemy import delete
from support.runs import products_source, run, session, stored
from support.shop import products
from support.upstream import ListPages

from syncline.clock import ManualClock
from syncline.model.items import table_of
from syncline.model.policies import Mode
from syncline.model.session import Trigger
from syncline.model.source import Source
from syncline.passes.admission import Due, admit
from syncline.passes.ending import complete
from syncline.store.engine import Store


@pytest.fixture
def source() -> Source:
    return products_source(ListPages(rows=products(range(1, 6)), incremental=True), full_pass_every_seconds=86_400)


def admitted(store: Store, source: Source, mode: Mode) -> Mode:
    """The mode in which a run that asks for `mode` is admitted; it ends at once."""
    admission = admit(store, source, Due(trigger=Trigger.SCHEDULE, mode=mode))
    complete(store, admission.session_id)
    return admission.mode


def test_a_first_run_is_full(store: Store, source: Source) -> None:
    """Without a checkpoint there is nothing to go on from."""
    assert admitted(store, source, Mode.INCREMENTAL) is Mode.FULL


def test_a_full_pass_falls_due_by_its_age(store: Store, source: Source, clock: ManualClock) -> None:
    """A day after the last full pass began, deletions are looked for again."""
    run(store, source)
    began = clock.now()
    clock.advance(seconds=86_399)
    assert admitted(store, source, Mode.INCREMENTAL) is Mode.INCREMENTAL
    clock.advance(seconds=1)
    assert clock.now() == began + timedelta(days=1)
    assert admitted(store, source, Mode.INCREMENTAL) is Mode.FULL


def test_an_upstream_that_cannot_tell_changes_is_read_in_full(store: Store) -> None:
    """What is on record is what is done."""
    source = products_source(ListPages(rows=products(range(1, 6))))
    run(store, source)
    assert admitted(store, source, Mode.INCREMENTAL) is Mode.FULL


def test_who_asks_for_all_of_it_gets_all_of_it(store: Store, source: Source) -> None:
    """A full run is full, though an incremental one would do."""
    run(store, source)
    assert admitted(store, source, Mode.FULL) is Mode.FULL


def test_a_table_that_was_made_anew_is_filled_by_a_full_pass(store: Store, source: Source) -> None:
    """Changes since yesterday would leave it nearly empty, and the source would seem up to date."""
    run(store, source)
    with store.write() as connection:
        connection.execute(delete(table_of(source.required_dataset.table)))
    ran = run(store, source, mode=Mode.INCREMENTAL)
    assert len(stored(store)) == 5
    assert session(store, ran.session_id).mode is Mode.FULL
