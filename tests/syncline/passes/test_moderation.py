"""Decisions on listings, and the passes that come after them."""

import threading
from collections.abc import Callable

import pytest
from sqlmodel import Session, select
from support.listings import entry, feed, statuses
from support.runs import begin, pull, run
from support.upstream import ListPages

from syncline.errors import UnavailableError
from syncline.listings import stored
from syncline.listings.decisions import Decision, Outcome, decide
from syncline.listings.tables import Listing
from syncline.model.items import ItemStatus
from syncline.model.session import Tally
from syncline.store.engine import Store

PENDING, LIVE, REJECTED = ItemStatus.PENDING, ItemStatus.LIVE, ItemStatus.REJECTED


@pytest.fixture
def pages() -> ListPages:
    return ListPages(page_size=2, rows=[entry(key) for key in "abcd"], shifting=False)


def decided(store: Store, status: ItemStatus, *keys: str, source: str = "community") -> list[Outcome]:
    decision = Decision(status=status, actor="mod", reason="seen")
    with store.write() as connection:
        return [decide(connection, source, key, decision, now=store.clock.now()) for key in keys]


def test_new_listings_wait_where_their_feed_is_moderated(store: Store, pages: ListPages) -> None:
    """What strangers send in is not shown before a moderator looked at it; a partner's listing is shown at once."""
    run(store, feed(pages))
    run(store, feed(pages, "sponsored", moderated=False))
    assert set(statuses(store).values()) == {PENDING}
    assert set(statuses(store, "sponsored").values()) == {LIVE}


@pytest.mark.parametrize("force", [False, True])
def test_no_pass_undoes_a_decision_on_what_is_the_same(store: Store, pages: ListPages, *, force: bool) -> None:
    """Every sync reads the whole list again."""
    run(store, feed(pages))
    decided(store, LIVE, "a", "b")
    decided(store, REJECTED, "c")
    for row in pages.rows:
        row["by"] = dict(reversed(row["by"].items()))  # the same values in another order
    ran = run(store, feed(pages), force=force)
    assert (ran.pulled.unchanged, ran.pulled.updated, ran.deleted) == (4, 0, 0)
    assert statuses(store) == {"a": LIVE, "b": LIVE, "c": REJECTED, "d": PENDING}


@pytest.mark.parametrize(
    ("moderated", "after"),
    [(True, {"a": PENDING, "b": PENDING, "c": PENDING}), (False, {"a": LIVE, "b": PENDING, "c": PENDING})],
)
def test_what_changed_waits_for_a_decision_again(
    store: Store, pages: ListPages, *, moderated: bool, after: dict[str, ItemStatus]
) -> None:
    """An approved text may become an unwanted one, and a rejected one better; only a trusted feed's live one stays."""
    source = feed(pages, moderated=moderated)
    run(store, source)
    decided(store, LIVE, "a")
    decided(store, REJECTED, "b", "c")
    pages.rows[:3] = [entry(key, "Free tokens, more of them") for key in "abc"]
    assert run(store, source).pulled.updated == 3
    assert {key: status for key, status in statuses(store).items() if key in after} == after


def test_a_change_that_only_the_rest_shows_counts(store: Store, pages: ListPages) -> None:
    """A link that no column holds may still lead elsewhere; nothing of the item is outside of what was decided on."""
    source = feed(pages)
    run(store, source)
    decided(store, LIVE, "a", "b")
    pages.rows[0]["by"]["site"] = "https://acme.example.net"
    pages.rows[1]["note"] = None
    assert run(store, source).pulled.updated == 2
    assert set(statuses(store).values()) == {PENDING}


@pytest.mark.parametrize(
    ("moderated", "headline", "after"),
    [
        (True, "Free tokens", {"a": LIVE, "b": REJECTED, "c": PENDING}),
        (True, "Other tokens", {"a": PENDING, "b": PENDING, "c": PENDING}),
        (False, "Free tokens", {"a": LIVE, "b": REJECTED, "c": LIVE}),
        (False, "Other tokens", {"a": LIVE, "b": PENDING, "c": LIVE}),
    ],
)
def test_a_decision_outlives_a_listing_that_was_gone_for_a_while(
    store: Store, pages: ListPages, *, moderated: bool, headline: str, after: dict[str, ItemStatus]
) -> None:
    """A feed that leaves things out now and then must not make a rejected listing live."""
    source = feed(pages, moderated=moderated)
    run(store, source)
    decided(store, LIVE, "a")
    decided(store, REJECTED, "a", "b")
    decided(store, LIVE, "a")
    del pages.rows[:3]
    assert run(store, source).deleted == 3
    assert decided(store, LIVE, "a") == [Outcome.GONE]
    pages.rows[:0] = [entry(key, headline) for key in "abc"]
    assert run(store, source).pulled.created == 3
    assert {key: status for key, status in statuses(store).items() if key != "d"} == after


def test_a_crash_within_a_pass_undoes_no_decision(store: Store, pages: ListPages) -> None:
    """The next attempt goes on at the checkpoint, and reads some pages once more."""
    source = feed(pages)
    run(store, source)
    decided(store, LIVE, "a", "c")
    pages.fail_at(2, UnavailableError("gone", upstream="community"))
    admission = begin(store, source)
    with pytest.raises(UnavailableError):
        pull(store, source, admission)
    decided(store, REJECTED, "b", "c")
    assert pull(store, source, admission) == Tally(pages=1, processed=2, unchanged=2, requests=1)
    assert statuses(store) == {"a": LIVE, "b": REJECTED, "c": REJECTED, "d": PENDING}


@pytest.mark.parametrize("page", [1, 2])
def test_a_decision_made_while_a_pass_runs_stands(store: Store, pages: ListPages, page: int) -> None:
    """Before its page was read, or after: the write carries no status of its own."""
    source = feed(pages)
    run(store, source)
    pages.rows[3]["headline"] = "Changed"
    pages.before(page, lambda: decided(store, LIVE, "a", "c"))
    pages.before(page, lambda: decided(store, REJECTED, "b"))
    run(store, source)
    assert statuses(store) == {"a": LIVE, "b": REJECTED, "c": LIVE, "d": PENDING}


def test_a_pass_does_not_write_over_a_decision_that_commits_beside_it(
    make_postgresql: Callable[[], str], pages: ListPages
) -> None:
    """PostgreSQL lets both work at once: what was decided after the pass looked is what its statement finds."""
    store = Store(make_postgresql())
    source = feed(pages, moderated=False)
    run(store, source)
    decided(store, REJECTED, "a")
    for row in pages.rows:
        row["headline"] = "Changed"
    deciding = store.engine.connect()
    transaction = deciding.begin()
    decision = Decision(status=LIVE, actor="mod")
    assert decide(deciding, "community", "a", decision, now=store.clock.now()) is Outcome.DECIDED
    passing = threading.Thread(target=run, args=(store, source))
    passing.start()
    _until_waiting(store)
    transaction.commit()
    deciding.close()
    passing.join(timeout=30)
    assert set(statuses(store).values()) == {LIVE}
    store.close()


def _until_waiting(store: Store) -> None:
    """Until the pass waits for the row that is being decided on."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    for _ in range(100_000):
        with store.read() as connection:
            if connection.exec_driver_sql(waiting).scalar():
                return
    raise AssertionError("the pass never waited")


def test_a_listing_is_kept_whole(store: Store, pages: ListPages) -> None:
    """Columns for what a site shows, the rest as JSON; what the source's name is, the feed does not say."""
    pages.rows = [entry(7, source="elsewhere", ends_at="2026-02-01T00:00:00Z", tags=["x"], status="hot")]
    ran = run(store, feed(pages))
    assert (ran.pulled.created, ran.pulled.rejected) == (1, 0)
    with store.read() as connection:
        listing = Session(connection).exec(select(Listing)).one()
        found = stored.find(connection, "community", "7")
    assert (listing.source, listing.external_id, listing.title, listing.project) == (
        "community",
        "7",
        "Free tokens",
        "acme",
    )
    assert listing.ends_at is not None
    assert (listing.ends_at.year, listing.ends_at.month) == (2026, 2)
    assert listing.attributes == {
        "by": {"site": "https://acme.example"}, "source": "elsewhere", "tags": ["x"], "status": "hot",
    }  # fmt: skip
    assert found is not None
    assert (found.status, found.listing) == (PENDING, listing)
