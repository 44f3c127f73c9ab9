"""The end of a session: its outcome, its heartbeat and its lease, once."""

from datetime import timedelta

import pytest
from support.records import open_session
from support.runs import begin, products_source, run, session
from support.shop import product, products
from support.sources import altered
from support.upstream import ListPages

from syncline.clock import ManualClock
from syncline.errors import UnavailableError
from syncline.model.policies import Mode
from syncline.model.records import Heartbeat
from syncline.model.session import Status, Tally, is_mostly_rejected
from syncline.passes.closing import close, complete
from syncline.store import heartbeats, leases, sessions
from syncline.store.engine import Store

SOURCE = products_source(ListPages(rows=products(range(1, 6))))


def heart(store: Store) -> Heartbeat:
    with store.read() as connection:
        return heartbeats.every(connection)[0]


def fail(store: Store, status: Status = Status.FAILED) -> None:
    assert close(store, begin(store, SOURCE).session_id, status)


def test_a_run_whose_work_is_done_is_complete(store: Store) -> None:
    """No reason, no error: the normal case has nothing to say."""
    ran = run(store, SOURCE)
    found = session(store, ran.session_id)
    assert (ran.status, found.status, found.reason) == (Status.COMPLETED, Status.COMPLETED, None)


def test_a_run_with_rejected_items_is_partial(store: Store) -> None:
    """It says how many, and where to look."""
    ran = run(store, products_source(ListPages(rows=[*products(range(1, 6)), product(9, price="-1")])))
    reason = f"1 items were rejected: see `syncline rejects {ran.session_id}`"
    assert (ran.status, session(store, ran.session_id).reason) == (Status.PARTIAL, reason)


def test_all_reasons_are_told(store: Store) -> None:
    """Rejected items and refused deletions are two things to look after."""
    open_session(store)
    with store.write() as connection:
        sessions.advance(connection, "s1", Tally(processed=5, rejected=2))
        sessions.note_reason(connection, "s1", "7 rows were not deleted")
    assert complete(store, "s1") is Status.PARTIAL
    reason = "2 items were rejected: see `syncline rejects s1`; 7 rows were not deleted"
    assert session(store, "s1").reason == reason


def test_a_run_of_which_most_items_are_rejected_has_failed(store: Store) -> None:
    """The upstream's format has changed: a yellow `partial` would stand there for weeks."""
    bad = [product(number, price="-1") for number in range(10, 16)]
    ran = run(store, products_source(ListPages(rows=[*products(range(1, 6)), *bad, product(20, name=5)])))
    found = session(store, ran.session_id)
    assert (ran.status, ran.pulled.created) == (Status.FAILED, 5)
    assert found.reason == (
        "7 of 12 items were rejected, most often because of `Expected `Decimal` >= 0 - at `$.price``: "
        f"see `syncline rejects {ran.session_id}`"
    )
    assert (found.error_type, found.error_message) == ("MostlyRejectedError", found.reason)
    assert heart(store).error_count == 1


@pytest.mark.parametrize(
    ("mode", "processed", "rejected", "failed"),
    [
        (Mode.FULL, 12, 7, True),
        (Mode.FULL, 12, 6, False),
        (Mode.FULL, 1, 1, True),
        (Mode.FULL, 0, 0, False),
        (Mode.INCREMENTAL, 9, 9, False),  # the same bad items, in every run, until they are mended
        (Mode.INCREMENTAL, 19, 10, True),
        (Mode.INCREMENTAL, 20, 10, False),
    ],
)
def test_a_few_bad_items_are_no_failure(*, mode: Mode, processed: int, rejected: int, failed: bool) -> None:
    """What an incremental run reads is little, and one bad item may be half of it."""
    assert is_mostly_rejected(mode, processed=processed, rejected=rejected) is failed


def test_a_session_says_how_many_of_its_rejects_are_kept(store: Store) -> None:
    """The message says that the list of rejects is cut off."""
    bad = [product(number, price="-1") for number in range(10, 16)]
    source = altered(products_source(ListPages(rows=[*products(range(1, 10)), *bad])), keep_rejects=4)
    ran = run(store, source)
    said = f"6 items were rejected: see `syncline rejects {ran.session_id}`, which has the last 4 of them"
    assert session(store, ran.session_id).reason == said


def test_a_failed_run_names_its_error(store: Store, clock: ManualClock) -> None:
    """Type and message, where a message is; the time to go on, where that is known."""
    later = clock.now() + timedelta(minutes=5)
    first, second = open_session(store), open_session(store, "s2", source="customers")
    assert close(store, first, Status.FAILED, error=UnavailableError("no answer", upstream="erp"), retry_at=later)
    assert close(store, second, Status.FAILED, error=KeyError())
    found = session(store, first)
    assert (found.error_type, found.error_message, found.retry_at) == ("UnavailableError", "no answer", later)
    assert (session(store, second).error_type, session(store, second).error_message) == ("KeyError", "KeyError()")


def test_the_first_end_stands(store: Store) -> None:
    """A hook that comes after the flow changes nothing: not the outcome, not the count of errors."""
    admission = begin(store, SOURCE)
    assert close(store, admission.session_id, Status.COMPLETED)
    assert not close(store, admission.session_id, Status.CRASHED, reason="late")
    assert session(store, admission.session_id).status is Status.COMPLETED
    assert heart(store).error_count == 0


def test_work_that_is_done_after_somebody_closed_the_session_does_not_count_as_completed(store: Store) -> None:
    """The flow's last word in Prefect would contradict the record: cancelled at 10:00, completed at 10:01."""
    admission = begin(store, SOURCE)
    assert close(store, admission.session_id, Status.CANCELLED, reason="by Ada")
    assert complete(store, admission.session_id) is Status.CANCELLED
    assert session(store, admission.session_id).reason == "by Ada"


def test_what_is_not_there_is_not_ended(store: Store) -> None:
    """An unknown session is no error; there is nothing to do."""
    assert not close(store, "nobody", Status.FAILED)


def test_the_end_frees_the_source(store: Store, clock: ManualClock) -> None:
    """The lease is given back, whatever the outcome was; a lease that is another's stays."""
    first = begin(store, SOURCE)
    close(store, first.session_id, Status.CANCELLED)
    second = begin(store, SOURCE)
    close(store, first.session_id, Status.CANCELLED)
    with store.read() as connection:
        lease = leases.holder(connection, "source:products")
    assert not leases.is_lost(lease, second.session_id, now=clock.now())


def test_failures_are_counted_until_a_success(store: Store) -> None:
    """Failed, crashed: 2. What was deferred or cancelled says nothing. Then a success: 0."""
    counts: list[int] = []
    outcomes = (Status.FAILED, Status.CRASHED, Status.DEFERRED, Status.CANCELLED, Status.PARTIAL, Status.FAILED)
    for status in outcomes:
        fail(store, status)
        counts.append(heart(store).error_count)
    run(store, SOURCE)
    assert [*counts, heart(store).error_count] == [1, 2, 2, 2, 0, 1, 0]


def test_the_heart_knows_how_long_it_took(store: Store, clock: ManualClock) -> None:
    """90 seconds are 90,000 ms; nothing is waited for any more."""
    admission = begin(store, SOURCE)
    with store.write() as connection:
        heartbeats.waiting(connection, "products", reason="rate limit", until=None, now=clock.now())
    clock.advance(seconds=90)
    close(store, admission.session_id, Status.DEFERRED)
    assert (heart(store).last_duration_ms, heart(store).waiting_for) == (90_000, None)


@pytest.mark.parametrize("status", [Status.DEFERRED, Status.CANCELLED])
def test_a_reason_is_kept(store: Store, status: Status) -> None:
    """Every outcome has its reason on record."""
    open_session(store)
    close(store, "s1", status, reason="paused: stocktaking")
    assert session(store, "s1").reason == "paused: stocktaking"
