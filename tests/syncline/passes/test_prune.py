"""The end of a full pass: what is gone upstream is deleted, unless that looks wrong."""

from typing import Any

import pytest
from support.runs import begin, products_source, pull, run, session, stored
from support.shop import products
from support.sources import altered
from support.upstream import ListPages

from syncline.errors import ConfigurationError, UnavailableError
from syncline.model.policies import Deletes, Mode
from syncline.model.records import CheckpointRow
from syncline.model.session import Status
from syncline.passes.prune import prune
from syncline.store import checkpoints
from syncline.store.engine import Store


def checkpoint(store: Store) -> CheckpointRow:
    with store.read() as connection:
        row = checkpoints.read(connection, "products", None)
    assert row is not None
    return row


@pytest.mark.parametrize(
    ("gone", "max_fraction", "deleted"),
    [
        (8, 0.2, 8),  # 8 of 40 are 20 %: just allowed
        (9, 0.2, 0),  # 22.5 %
        (1, 0, 0),  # nothing may go
        (0, 0, 0),
        (39, 1, 39),  # everything may go
    ],
)
def test_no_more_is_deleted_than_may_go(store: Store, gone: int, max_fraction: float, deleted: int) -> None:
    """An upstream that answers with half of its list must not cost the other half."""
    pages = ListPages(rows=products(range(1, 41)))
    source = products_source(pages, max_fraction=max_fraction)
    run(store, source)
    del pages.rows[:gone]
    ran = run(store, source)
    assert ran.deleted == deleted
    assert len(stored(store)) == 40 - deleted
    assert (ran.refused is None) == (deleted == gone)


def test_a_refusal_says_how_to_delete_all_the_same(store: Store) -> None:
    """The session is partial, with numbers and the command; force deletes."""
    pages = ListPages(rows=products(range(1, 41)))
    source = products_source(pages, max_fraction=0.2)
    run(store, source)
    del pages.rows[:20]
    refused = run(store, source)
    found = session(store, refused.session_id)
    assert found.status is Status.PARTIAL
    assert found.reason is not None
    assert found.reason.startswith("20 of 40 rows were not deleted: that is more than the part of 20%")
    assert "syncline sync products --mode full --force" in found.reason
    forced = run(store, source, force=True)
    assert (forced.deleted, forced.status) == (20, Status.COMPLETED)


def test_an_upstream_that_is_suddenly_empty_is_not_believed(store: Store) -> None:
    """The most usual accident of all: a filter, a login, a deployment, and the list is empty."""
    pages = ListPages(rows=products(range(1, 41)))
    source = products_source(pages, max_fraction=0.2)
    run(store, source)
    pages.rows.clear()
    assert run(store, source).refused is not None
    assert len(stored(store)) == 40
    assert run(store, source, force=True).deleted == 40


def test_a_list_of_the_newest_alone_deletes_nothing(store: Store) -> None:
    """What has left a window on the newest is not gone; a full pass ends all the same, and with a good end."""
    pages = ListPages(rows=products(range(1, 41)))
    deletes = Deletes(never=True, full_pass_every_seconds=None)
    source = altered(products_source(pages), deletes=deletes)
    run(store, source)
    pages.rows = products(range(30, 60))
    ended = run(store, source, force=True)
    assert (ended.status, ended.deleted, ended.refused, len(stored(store))) == (Status.COMPLETED, 0, None, 59)
    assert checkpoint(store).pass_state is None


def test_a_source_that_deletes_never_takes_no_force() -> None:
    """To force deletions there is a mistake, and must not look as if it had worked."""
    source = altered(products_source(ListPages()), deletes=Deletes(never=True, full_pass_every_seconds=None))
    with pytest.raises(ConfigurationError, match="products never deletes"):
        source.parameters(Mode.FULL, force=True)
    with pytest.raises(ConfigurationError, match="full_pass_every_seconds=None"):
        Deletes(never=True)


def test_after_a_refusal_a_full_pass_is_due_again(store: Store) -> None:
    """Deletions that were not made are looked for in the next run, not in a day."""
    pages = ListPages(rows=products(range(1, 41)), incremental=True)
    source = products_source(pages, max_fraction=0.2, full_pass_every_seconds=3_600)
    run(store, source)
    before = checkpoint(store).full_pass_at
    del pages.rows[:20]
    run(store, source)
    assert checkpoint(store).full_pass_at == before


def test_an_item_without_a_readable_key_forbids_deletions(store: Store) -> None:
    """It may be any of those that seem to be gone."""
    pages = ListPages(rows=products(range(1, 41)))
    source = products_source(pages)
    run(store, source)
    pages.rows[0]["id"] = "one"
    del pages.rows[1]
    ran = run(store, source)
    assert (ran.deleted, ran.status, ran.pulled.rejected) == (0, Status.PARTIAL, 1)
    assert ran.refused == "2 rows were not deleted: the pass met 1 items whose key it could not read"
    assert len(stored(store)) == 40


def test_a_row_that_does_not_fit_any_more_is_not_gone(store: Store) -> None:
    """Its key is still listed: the last version that fitted is kept."""
    pages = ListPages(rows=products(range(1, 41)))
    source = products_source(pages)
    run(store, source)
    pages.rows[5].update(name="new", price="free")
    ran = run(store, source)
    assert (ran.deleted, ran.pulled.rejected, ran.pulled.unchanged) == (0, 1, 39)
    assert stored(store)[6] == "Product 6"


def test_a_broken_pass_deletes_nothing(store: Store) -> None:
    """Only who has seen everything knows what is missing."""
    pages = ListPages(rows=products(range(1, 41)))
    source = products_source(pages)
    run(store, source)
    del pages.rows[:5]
    pages.fail_at(3, UnavailableError("down", upstream="erp"))
    admission = begin(store, source)
    with pytest.raises(UnavailableError):
        pull(store, source, admission)
    assert prune(store, source, admission.session_id, force=True).tally.deleted == 0
    assert len(stored(store)) == 40


def test_an_incremental_pass_deletes_nothing(store: Store) -> None:
    """What did not change is not listed, and not gone."""
    pages = ListPages(rows=products(range(1, 41)), incremental=True)
    source = products_source(pages)
    run(store, source)
    del pages.rows[:5]
    assert run(store, source, mode=Mode.INCREMENTAL).deleted == 0
    assert len(stored(store)) == 40


def test_a_pass_ends_once(store: Store) -> None:
    """A second call finds nothing to do."""
    pages = ListPages(rows=products(range(1, 41)))
    source = products_source(pages)
    run(store, source)
    del pages.rows[:5]
    admission = begin(store, source)
    pull(store, source, admission)
    deleted = [prune(store, source, admission.session_id).tally.deleted for _ in range(2)]
    assert deleted == [5, 0]


@pytest.mark.parametrize("count", [1, 10, 11])
def test_keys_do_not_pile_up(store: Store, count: int) -> None:
    """What a pass noted is forgotten with its end, whatever came of it."""
    pages: Any = ListPages(rows=products(range(1, 41)))
    source = products_source(pages, max_fraction=0)
    run(store, source)
    pages.rows = list(reversed(pages.rows))[count:]
    run(store, source)
    with store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM pass_keys").scalar() == 0
