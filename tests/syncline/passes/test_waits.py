"""Rate limits and holds: short ones are waited out in place, long ones put the run off."""

from datetime import timedelta

import pytest
from support.runs import Waits, begin, products_source, pull, run, stored
from support.shop import products
from support.upstream import ListPages

from syncline.clock import ManualClock
from syncline.errors import DeferredError, RateLimitedError
from syncline.model.records import Heartbeat
from syncline.model.session import Status
from syncline.passes.closing import close
from syncline.store import heartbeats, holds
from syncline.store.engine import Store


def limited(clock: ManualClock, *, after: float | None) -> RateLimitedError:
    until = None if after is None else clock.now() + timedelta(seconds=after)
    return RateLimitedError("slow down", upstream="erp", status=429, retry_at=until)


def hold(store: Store, ttl_seconds: float | None) -> str:
    with store.write() as connection:
        made = holds.create(
            connection, "products", reason="stocktaking", created_by="a", now=store.clock.now(), ttl_seconds=ttl_seconds
        )
    return made.id


def heart(store: Store) -> Heartbeat:
    with store.read() as connection:
        return heartbeats.every(connection)[0]


def test_a_short_limit_is_waited_for_in_place(store: Store, clock: ManualClock) -> None:
    """The upstream's 7 s are waited once, then page 2 is asked for again and the pass ends."""
    pages, waits = ListPages(rows=products(range(1, 26))), Waits(clock)
    pages.fail_at(2, limited(clock, after=7))
    source = products_source(pages)
    tally = pull(store, source, begin(store, source), sleep=waits)
    assert waits.seconds == [7]
    assert pages.fetched == [1, 2, 2, 3]
    assert tally.created == 25


def test_a_long_limit_puts_the_run_off(store: Store, clock: ManualClock) -> None:
    """31 s are more than the source's patience of 30: the run ends, and goes on at the upstream's time."""
    pages, waits = ListPages(rows=products(range(1, 26))), Waits(clock)
    pages.fail_at(2, limited(clock, after=31))
    source = products_source(pages, patience_seconds=30)
    with pytest.raises(DeferredError, match="rate limit: slow down") as caught:
        pull(store, source, begin(store, source), sleep=waits)
    assert caught.value.retry_at == clock.now() + timedelta(seconds=31)
    assert waits.seconds == []
    assert len(stored(store)) == 10


@pytest.mark.parametrize("after", [None, 0, -5])
def test_a_limit_without_a_time_ahead_is_waited_for_longer_each_time(
    store: Store, clock: ManualClock, after: float | None
) -> None:
    """5, 10, 20 s; 40 s would be more than the patience of 30. A time that has passed is no time at all."""
    pages, waits = ListPages(rows=products(range(1, 26))), Waits(clock)
    pages.fail_at(1, *[limited(clock, after=after) for _ in range(9)])
    source = products_source(pages, patience_seconds=30)
    with pytest.raises(DeferredError):
        pull(store, source, begin(store, source), sleep=waits)
    assert waits.seconds == [5, 10, 20]


def test_a_page_in_between_makes_the_next_limit_a_first_one(store: Store, clock: ManualClock) -> None:
    """A long pass that is slowed down now and then is not deferred for it: 5 s each time."""
    pages, waits = ListPages(rows=products(range(1, 96))), Waits(clock)
    for page in range(2, 9):
        pages.fail_at(page, limited(clock, after=None))
    source = products_source(pages)
    assert pull(store, source, begin(store, source), sleep=waits).created == 95
    assert waits.seconds == [5] * 7


def test_what_is_waited_for_is_told(store: Store, clock: ManualClock) -> None:
    """Status shows a waiting run as such, until its next page."""
    pages = ListPages(rows=products(range(1, 26)))
    pages.fail_at(2, limited(clock, after=7))
    source, told = products_source(pages), list[str | None]()
    waits = Waits(clock, during=lambda: told.append(heart(store).waiting_for))
    pull(store, source, begin(store, source), sleep=waits)
    assert told == ["rate limit"]
    assert heart(store).waiting_for is None


def test_a_short_hold_is_waited_out_without_losing_a_page(store: Store, clock: ManualClock) -> None:
    """The run stops after the page at hand, and goes on with the next when the hold expires."""
    pages = ListPages(rows=products(range(1, 46)))
    pages.fail_at(3, limited(clock, after=1))  # so that the pages before are committed on their own
    source, waits = products_source(pages), Waits(clock)
    pages.before(2, lambda: hold(store, 10))
    tally = pull(store, source, begin(store, source), sleep=waits)
    assert tally.created == 45
    assert sum(waits.seconds) >= 10
    assert heart(store).waiting_for is None


def test_a_released_hold_lets_the_run_go_on_at_once(store: Store, clock: ManualClock) -> None:
    """A run does not wait for the expiry of a pause that was ended earlier."""
    pages = ListPages(rows=products(range(1, 46)))
    source, held = products_source(pages), list[str]()

    def release() -> None:
        with store.write() as connection:
            holds.release(connection, held[0], now=clock.now())

    waits = Waits(clock, during=release)
    pages.before(2, lambda: held.append(hold(store, 20)))
    pages.fail_at(3, limited(clock, after=1))
    assert pull(store, source, begin(store, source), sleep=waits).created == 45
    assert sum(waits.seconds) < 5


@pytest.mark.parametrize("ttl_seconds", [31, None])
def test_a_long_hold_puts_the_run_off_with_its_pages_kept(
    store: Store, clock: ManualClock, ttl_seconds: float | None
) -> None:
    """A hold beyond the patience, or without an end, ends the run; the next one goes on at the next page."""
    pages = ListPages(rows=products(range(1, 46)))
    source = products_source(pages, patience_seconds=30)
    admission, made, began = begin(store, source), list[str](), clock.now()
    pages.before(2, lambda: made.append(hold(store, ttl_seconds)))
    pages.fail_at(3, limited(clock, after=0.5))
    with pytest.raises(DeferredError, match="paused: stocktaking") as caught:
        pull(store, source, admission, sleep=Waits(clock))
    assert caught.value.retry_at == (None if ttl_seconds is None else began + timedelta(seconds=ttl_seconds))
    kept = len(stored(store))
    assert kept in {10, 20}
    with store.write() as connection:
        holds.release(connection, made[0], now=clock.now())
    pages.fetched.clear()
    assert pull(store, source, admission, sleep=Waits(clock)).created == 45 - kept
    assert pages.fetched[0] == kept // 10 + 1


def test_a_hold_that_is_made_longer_again_and_again_puts_the_run_off(store: Store, clock: ManualClock) -> None:
    """Many short holds in a row are a long one: at 28.5 s the next 2 s would be more than 30 in all."""
    pages = ListPages(rows=products(range(1, 46)))
    source = products_source(pages, patience_seconds=30)
    waits = Waits(clock, during=lambda: hold(store, 2))
    pages.before(2, lambda: hold(store, 2))
    pages.fail_at(3, limited(clock, after=0.5))
    with pytest.raises(DeferredError):
        pull(store, source, begin(store, source), sleep=waits)
    assert sum(waits.seconds) == 28.5


def test_the_end_of_a_pass_is_not_held_up(store: Store) -> None:
    """A hold that comes with the last page finds a finished pass."""
    pages = ListPages(rows=products(range(1, 6)))
    pages.before(1, lambda: hold(store, None))
    source = products_source(pages)
    assert pull(store, source, begin(store, source)).created == 5


def test_other_sources_holds_do_not_matter(store: Store, clock: ManualClock) -> None:
    """Customers may be paused while products run."""
    with store.write() as connection:
        holds.create(connection, "customers", reason="r", created_by="a", now=clock.now(), ttl_seconds=None)
    assert run(store, products_source(ListPages(rows=products(range(1, 26))))).pulled.created == 25


def test_a_limit_that_names_no_time_and_lasts_is_asked_about_ever_more_rarely(store: Store, clock: ManualClock) -> None:
    """A cap that is spent for the month: 4 refusals in the first run, one in each further one, at last one an hour."""
    pages, waits = ListPages(rows=products(range(1, 26))), Waits(clock)
    source, deferred = products_source(pages), list[float]()
    for _ in range(5):
        pages.fail_at(1, *[limited(clock, after=None)] * 4)
        admission = begin(store, source)
        with pytest.raises(DeferredError) as caught:
            pull(store, source, admission, sleep=waits)
        assert caught.value.retry_at is not None
        close(store, admission.session_id, Status.DEFERRED, reason=caught.value.reason, retry_at=caught.value.retry_at)
        deferred.append((caught.value.retry_at - clock.now()).total_seconds())
        clock.advance(seconds=deferred[-1])
    assert waits.seconds == [5, 10, 20]
    assert deferred == [40, 40, 320, 2_560, 3_600]


def test_after_a_good_run_a_limit_is_waited_for_shortly_again(store: Store, clock: ManualClock) -> None:
    """What was long ago says nothing of today."""
    pages, waits = ListPages(rows=products(range(1, 26))), Waits(clock)
    source = products_source(pages)
    pages.fail_at(1, *[limited(clock, after=None)] * 4)
    admission = begin(store, source)
    with pytest.raises(DeferredError) as caught:
        pull(store, source, admission, sleep=waits)
    close(store, admission.session_id, Status.DEFERRED, reason=caught.value.reason)
    clock.advance(seconds=60)
    run(store, source)
    pages.fail_at(1, limited(clock, after=None))
    clock.advance(seconds=60)
    again = Waits(clock)
    pull(store, source, begin(store, source), sleep=again)
    assert again.seconds == [5]
