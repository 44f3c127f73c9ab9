import pytest
from support.listings import entry, feed, statuses
from support.runs import run
from support.upstream import ListPages

from syncline.listings import stored
from syncline.listings.decisions import Decision, Outcome, decide
from syncline.model.items import ItemStatus
from syncline.store import audit
from syncline.store.engine import Store

APPROVE = Decision(status=ItemStatus.LIVE, actor="ann")
REJECT = Decision(status=ItemStatus.REJECTED, actor="ann", reason="a scam")


@pytest.fixture
def pages(store: Store) -> ListPages:
    """A feed of one listing, with a slash in its key, which is stored."""
    pages = ListPages(rows=[entry("x/1")])
    run(store, feed(pages))
    return pages


def made(store: Store, decision: Decision, key: str = "x/1") -> Outcome:
    with store.write() as connection:
        return decide(connection, "community", key, decision, now=store.clock.now())


@pytest.mark.usefixtures("pages")
def test_a_decision_is_put_on_the_audit_log(store: Store) -> None:
    """Who let this through, and why was that one thrown out?"""
    assert (made(store, APPROVE), made(store, REJECT)) == (Outcome.DECIDED, Outcome.DECIDED)
    with store.read() as connection:
        newest, oldest = audit.latest(connection)
    assert (oldest.action, oldest.actor, oldest.target) == ("listing.approve", "ann", "community/x/1")
    assert (newest.action, newest.detail) == ("listing.reject", '{"reason": "a scam", "title": "Free tokens"}')


@pytest.mark.usefixtures("pages")
def test_a_decision_made_twice_is_on_record_once(store: Store) -> None:
    """Two moderators press the same button."""
    assert (made(store, REJECT), made(store, REJECT)) == (Outcome.DECIDED, Outcome.ALREADY)
    with store.read() as connection:
        assert len(audit.latest(connection)) == 1


@pytest.mark.usefixtures("pages")
def test_what_is_not_there_is_said_to_be_gone(store: Store) -> None:
    """It was on the moderator's screen a moment ago."""
    assert made(store, APPROVE, "x/2") is Outcome.GONE
    with store.read() as connection:
        assert audit.latest(connection) == []


def test_a_decision_on_what_was_seen_does_not_count_for_what_it_became(store: Store, pages: ListPages) -> None:
    """Between looking and approving, the listing may have been swapped."""
    with store.read() as connection:
        seen = stored.find(connection, "community", "x/1")
    assert seen is not None
    pages.rows = [entry("x/1", "Something else")]
    run(store, feed(pages))
    assert made(store, Decision(status=ItemStatus.LIVE, actor="ann", seen=seen.version)) is Outcome.CHANGED
    assert statuses(store) == {"x/1": ItemStatus.PENDING}
