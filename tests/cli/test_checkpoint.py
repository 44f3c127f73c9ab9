import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from subprocess import CompletedProcess

from support.runs import begin, products_source, run
from support.shop import products
from support.upstream import ListPages

from cli.checkpoint import forget
from syncline.model.policies import Mode
from syncline.model.target import Target
from syncline.store import audit, checkpoints
from syncline.store.engine import Store

Syncline = Callable[..., CompletedProcess[str]]


def test_a_checkpoint_is_shown_without_the_upstreams_tokens(syncline: Syncline, store: Store) -> None:
    """Up to where a source was read is asked for when its rows look old."""
    assert "never" in syncline("checkpoint", "show", "products").stdout
    pages = ListPages(rows=products(range(1, 26)), incremental=True)
    run(store, products_source(pages))
    told = json.loads(syncline("checkpoint", "show", "products", "--json").stdout)
    assert told["changes_stored_to"] is not None
    assert told["unfinished_pass"] is None
    assert "last full pass: 20" in syncline("checkpoint", "show", "products").stdout


def test_an_unfinished_pass_says_how_far_it_has_come(syncline: Syncline, store: Store) -> None:
    """Its resume token is the upstream's, and nobody's business."""
    with store.write() as connection:
        state = '{"mode":"full","started_at":"2026-01-22T10:00:00Z","resume":{"mark":"t0ken"},"pages":3,"items":30}'
        checkpoints.write(
            connection, Target("products"), cursor=None, full_pass_at=None, pass_state=state, now=store.clock.now()
        )
    shown = syncline("checkpoint", "show", "products").stdout
    assert "unfinished pass: mode full" in shown
    assert "pages 3, items 30" in shown
    assert "t0ken" not in shown


def test_a_reset_has_the_next_run_read_everything(syncline: Syncline, store: Store) -> None:
    """The way out where a cursor has run ahead; who did it is on the audit log."""
    pages = ListPages(rows=products(range(1, 26)), incremental=True)
    source = products_source(pages)
    run(store, source)
    assert "the next run reads everything" in syncline("checkpoint", "reset", "products").stdout
    run(store, source, mode=Mode.INCREMENTAL)
    assert [ask.mode for ask in pages.asked] == [Mode.FULL, Mode.FULL]
    with store.read() as connection:
        assert audit.latest(connection)[0].action == "checkpoint.reset"


def test_a_checkpoint_is_not_taken_from_a_session_at_work(syncline: Syncline, store: Store) -> None:
    """It would write it anew with its next page."""
    admission = begin(store, products_source(ListPages(rows=products([1]))))
    done = syncline("checkpoint", "reset", "products")
    assert done.returncode == 2
    assert admission.session_id in done.stderr


def test_no_session_begins_while_a_checkpoint_is_forgotten(make_postgresql: Callable[[], str]) -> None:
    """It would go on with a pass of which the keys that were seen are gone, and delete their rows."""
    store = Store(make_postgresql())
    source = products_source(ListPages(rows=products(range(1, 6))))
    run(store, source)
    with ThreadPoolExecutor(1) as pool:
        with store.write() as connection:
            assert forget(connection, "products", who="ann", now=store.clock.now())
            begun = pool.submit(begin, store, source)
            assert not wait([begun], timeout=0.3).done
        assert begun.result(timeout=30).granted
    store.close()
