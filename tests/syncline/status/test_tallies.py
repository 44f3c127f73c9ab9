from collections.abc import Callable
from secrets import token_hex

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from syncline.clock import ManualClock
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Tally, Trigger
from syncline.status.tallies import Tallies
from syncline.store import sessions
from syncline.store.engine import Store

Record = Callable[..., SyncSession]


def read(store: Store, tallies: Tallies) -> Tally:
    with store.read() as connection:
        return tallies.read(connection, store.clock.now()).get("products", Tally())


def test_what_was_before_is_not_counted(store: Store, record: Record) -> None:
    """The first scrape after a start is as quick as any other, with a million sessions on record."""
    record(Status.COMPLETED, after=-1, items_created=1_000)
    record(Status.COMPLETED, after=0, items_created=1)
    assert read(store, Tallies(store.clock.now())).created == 1


def test_a_session_is_counted_once_while_it_runs_and_when_it_ended(
    store: Store, record: Record, clock: ManualClock
) -> None:
    """An hour's full pass outlasts any margin."""
    tallies = Tallies(clock.now())
    running = record(Status.RUNNING, took=None, items_created=100, requests=1)
    assert read(store, tallies).created == 100
    clock.advance(seconds=3_600)
    with store.write() as connection:
        sessions.advance(connection, running.id, Tally(created=50, requests=1))
    assert (read(store, tallies).created, read(store, tallies).requests) == (150, 2)
    with store.write() as connection:
        sessions.close(connection, running.id, Status.COMPLETED, now=clock.now())
    for _ in range(3):
        clock.advance(seconds=3_600)
        assert (read(store, tallies).created, read(store, tallies).requests) == (150, 2)


def test_a_session_that_was_open_at_the_beginning_is_counted_whole(
    store: Store, record: Record, clock: ManualClock
) -> None:
    """It still works; how much of it was before is not known."""
    running = record(Status.RUNNING, after=-5_000, took=None, items_updated=3)
    tallies = Tallies(clock.now())
    assert read(store, tallies).updated == 3
    with store.write() as connection:
        sessions.close(connection, running.id, Status.FAILED, now=clock.now())
    assert read(store, tallies).updated == 3


def test_a_session_that_is_put_on_record_late_is_counted(store: Store, record: Record, clock: ManualClock) -> None:
    """Its transaction may wait half a minute for a busy database."""
    tallies = Tallies(clock.now())
    clock.advance(seconds=3_600)
    read(store, tallies)
    record(Status.COMPLETED, after=-60, items_created=4)
    assert read(store, tallies).created == 4


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 2_000)),
        st.tuples(st.just("begin"), st.integers(0, 100)),
        st.tuples(st.just("advance"), st.integers(0, 100)),
        st.tuples(st.just("end"), st.integers(0, 100)),
        st.tuples(st.just("look"), st.just(0)),
    ),
    max_size=30,
)


def test_a_tally_is_the_sum_of_all_sessions_whenever_it_is_looked_at(sqlite_store: Store, clock: ManualClock) -> None:
    """However sessions overlap, and however seldom it is looked at."""

    @settings(max_examples=25)
    @given(steps=STEPS)
    def holds(steps: list[tuple[str, int]]) -> None:
        with sqlite_store.write() as connection:
            connection.execute(delete(SyncSession))
        walk(sqlite_store, clock, steps)

    holds()


def walk(store: Store, clock: ManualClock, steps: list[tuple[str, int]]) -> None:
    """Do what `steps` say to one session after the other, and look; the model adds up all that was counted."""
    tallies, created, still_open = Tallies(clock.now()), 0, list[str]()
    for step, number in [*steps, ("look", 0)]:
        match step:
            case "wait":
                clock.advance(seconds=number)
            case "begin":
                still_open.append(begin(store, number))
                created += number
            case "advance" if still_open:
                with store.write() as connection:
                    sessions.advance(connection, still_open[number % len(still_open)], Tally(created=number))
                created += number
            case "end" if still_open:
                with store.write() as connection:
                    ended = still_open.pop(number % len(still_open))
                    sessions.close(connection, ended, Status.COMPLETED, now=clock.now())
            case "look":
                assert read(store, tallies).created == created
            case _:
                pass


def begin(store: Store, created: int) -> str:
    session = SyncSession(
        id=token_hex(8),
        source="products",
        trigger=Trigger.SCHEDULE,
        mode=Mode.FULL,
        status=Status.RUNNING,
        started_at=store.clock.now(),
        items_created=created,
    )
    with store.write() as connection:
        sessions.insert_session(connection, session)
    return session.id
