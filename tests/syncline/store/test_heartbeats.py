import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import event
from support.runs import products_source, run
from support.shop import products
from support.upstream import ListPages

from syncline.clock import ManualClock
from syncline.model.tables import Heartbeat
from syncline.model.target import Target
from syncline.store import heartbeats
from syncline.store.engine import Store


def heart(store: Store, source: str = "products") -> Heartbeat:
    with store.read() as connection:
        return next(one for one in heartbeats.every(connection) if one.source == source)


def begin(store: Store, source: str = "products") -> None:
    with store.write() as connection:
        heartbeats.began(connection, Target(source), now=store.clock.now())


def test_a_page_is_a_sign_of_life(store: Store, clock: ManualClock) -> None:
    """A run is seen to move by its beats, and by the page that it has come to."""
    begin(store)
    began = clock.now()
    clock.advance(seconds=5)
    with store.write() as connection:
        heartbeats.beat(connection, Target("products"), page=3, now=clock.now())
    found = heart(store)
    assert (found.last_run, found.last_beat, found.page) == (began, clock.now(), 3)


def test_what_a_run_waits_for_is_told_until_it_goes_on(store: Store, clock: ManualClock) -> None:
    """A run that stands still says why; its next page takes that back."""
    begin(store)
    until = clock.now() + timedelta(seconds=20)
    with store.write() as connection:
        heartbeats.waiting(connection, Target("products"), reason="rate limit", until=until, now=clock.now())
    waiting = heart(store)
    assert (waiting.waiting_for, waiting.waiting_until) == ("rate limit", until)
    with store.write() as connection:
        heartbeats.beat(connection, Target("products"), page=1, now=clock.now())
    going = heart(store)
    assert (going.waiting_for, going.waiting_until) == (None, None)


def test_a_new_run_begins_at_page_zero(store: Store, clock: ManualClock) -> None:
    """The last run's page is not taken for this one's."""
    begin(store)
    with store.write() as connection:
        heartbeats.beat(connection, Target("products"), page=9, now=clock.now())
        heartbeats.ended(connection, Target("products"), failed=False, duration_ms=1_500, now=clock.now())
    begin(store)
    found = heart(store)
    assert (found.page, found.last_duration_ms) == (0, 1_500)


def test_hearts_are_listed_by_name_and_beat_alone(store: Store, clock: ManualClock) -> None:
    """One source's beat is not another's."""
    begin(store, "products")
    begin(store, "customers")
    with store.write() as connection:
        heartbeats.beat(connection, Target("customers"), page=2, now=clock.now())
        assert [(one.source, one.page) for one in heartbeats.every(connection)] == [("customers", 2), ("products", 0)]


def test_no_transaction_of_a_run_writes_the_row_that_all_runs_of_its_source_write(store: Store) -> None:
    """Anyone who holds it until its pages are on the disk has all other accounts of the source wait for that disk."""
    heard: list[str] = []

    def hear(*told: object) -> None:
        heard.append(str(told[2]))

    pages = ListPages(rows=products(range(1, 26)))
    event.listen(store.engine, "before_cursor_execute", hear)
    run(store, products_source(pages))
    event.remove(store.engine, "before_cursor_execute", hear)
    assert any("sync_sessions" in statement for statement in heard)
    assert [statement for statement in heard if "heartbeats" in statement] == []
    assert (heart(store).page, heart(store).error_count) == (3, 0)


def test_a_run_beats_once_a_second_and_with_its_last_page(store: Store, clock: ManualClock) -> None:
    """A hundred pages a second are one sign of life; the last one is not left out."""
    begin(store)
    pulse = heartbeats.Pulse(store, Target("products"))
    seen: list[int] = []
    for page, seconds, last in [(1, 0.4, False), (2, 0.7, False), (3, 0.1, False), (4, 0.1, True)]:
        pulse.beat(page=page, last=last)
        seen.append(heart(store).page)
        clock.advance(seconds=seconds)
    assert seen == [1, 1, 3, 4]


def test_a_sign_of_life_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    """The run's own work will say that the database is away, if it still is."""
    store = Store(f"sqlite:///{tmp_path}/file/below/syncline.db")
    (tmp_path / "file").write_text("not a folder")
    heartbeats.note(store, partial(heartbeats.crashed, target=Target("products"), times=1))
    store.close()


def test_a_sign_of_life_waits_for_no_thread_that_hangs(store: Store) -> None:
    """A run whose request for its budget hangs is ended from another thread, which must come to its end."""
    begin(store)
    hangs, over = threading.Event(), threading.Event()

    def hang(_: object) -> None:
        hangs.set()
        over.wait(timeout=60)

    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(store.direct.call, hang)
        assert hangs.wait(timeout=60)
        heartbeats.note(store, partial(heartbeats.crashed, target=Target("products"), times=1))
        assert heart(store).error_count == 1
        over.set()
        hanging.result(timeout=60)
