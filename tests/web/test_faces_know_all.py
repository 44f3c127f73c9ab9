"""No face knows fewer values than there are: every member of every enum is shown by each of them."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import event, text
from support.faces import Faces, agree, got
from support.feed import quests, record, trip
from support.statements import traced

from cli import doctor, listings_table, rounds_table
from cli.history import row as history_row
from cli.manual_run import summary
from cli.outcomes import exit_code, state_text
from cli.status import row
from deployments.doctor import Verdict
from syncline.clock import ManualClock
from syncline.contests.tables import RoundStatus
from syncline.model.items import ItemStatus
from syncline.model.policies import Mode
from syncline.model.session import Status, Trigger
from syncline.model.source import Source
from syncline.resilience.breaker import BreakerState
from syncline.settings import Settings
from syncline.status.history import history
from syncline.status.metrics import metrics
from syncline.status.reading import read_report
from syncline.status.report import State
from syncline.status.schedules import Schedules
from syncline.store.breakers import Breakers
from syncline.store.engine import Store
from web.api.cron_health import ServiceState, service_state
from web.shared_snapshot import SharedSnapshot

START = datetime(2026, 1, 22, 10, tzinfo=UTC)


@pytest.fixture
def sources(sources: list[Source]) -> list[Source]:
    """The two of the ERP, and one whose upstream has budgets."""
    return [*sources, quests(sources[0].required_dataset.pages)]


@pytest.mark.parametrize("status", [*Status, None])
@pytest.mark.parametrize("trigger", list(Trigger))
@pytest.mark.parametrize("mode", list(Mode))
def test_every_face_knows_every_status_trigger_and_mode(  # noqa: PLR0917 - the same
    status: Status | None,
    trigger: Trigger,
    mode: Mode,
    sqlite_store: Store,
    look_through: Callable[..., Faces],
    call_sqlite: Callable[..., httpx.Response],
) -> None:
    """One cancelled run once kept the state of all sources from being shown; None is a value of a newer version."""
    took = None if status is Status.RUNNING else 1
    record(sqlite_store, status or Status.FAILED, id="s", took=took, trigger=trigger, mode=mode)
    if status is None:
        foreign(sqlite_store)
    faces = look_through()
    agree(faces)
    assert (faces.report.of("quests").state is State.UNKNOWN) == (status is None)
    said = "quarantined" if status is None else status.value
    assert got(call_sqlite, "/api/sync/history").json()["history"][0]["status"] == said
    with sqlite_store.read() as connection:
        found = history(connection, "quests")
        assert metrics(connection, "quests").last_sync_status in {None, said}
    assert str(history_row(found[0], sqlite_store.clock.now())[2]) == said
    assert summary(found[0]).plain.startswith("quests")
    assert exit_code(found[0].status) in {0, 1, 75}


def foreign(store: Store) -> None:
    """Give the session values that this version does not know."""
    with store.write() as connection:
        connection.execute(text("UPDATE sync_sessions SET status = 'quarantined', mode = 'partial', trigger = 'moon'"))
        connection.execute(text("UPDATE session_totals SET status = 'quarantined'"))


@pytest.mark.parametrize("breaker", list(BreakerState))
def test_every_face_knows_every_state_of_a_breaker(
    breaker: BreakerState,
    sqlite_store: Store,
    clock: ManualClock,
    sources: list[Source],
    look_through: Callable[..., Faces],
) -> None:
    """As a source can be in each of them."""
    if breaker in {BreakerState.OPEN, BreakerState.HALF_OPEN}:
        trip(sqlite_store, sources[2])
        clock.advance(seconds=300 if breaker is BreakerState.HALF_OPEN else 0)
    if breaker is BreakerState.FORCED_OPEN:
        Breakers(sqlite_store).force_open("quests", "cli:ann")
    faces = look_through()
    agree(faces)
    assert faces.status["sources"]["quests"]["circuit_breaker"]["state"] == breaker.value


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_a_word_a_colour_and_a_life(state: State, look_through: Callable[..., Faces]) -> None:
    """A state that is added is not forgotten by a face."""
    one = replace(look_through().report.of("quests"), state=state)
    assert service_state(one) in ServiceState
    assert state_text(state).plain == state.value
    assert state.value in str(row(one, START)[1])


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_of_the_doctor_has_a_colour(verdict: Verdict) -> None:
    """So does each status of a listing and of a round."""
    assert doctor._STYLES.keys() == set(Verdict)  # pyright: ignore[reportPrivateUsage] - its totality is the point
    assert listings_table._STYLES.keys() == set(ItemStatus)  # pyright: ignore[reportPrivateUsage] - the same
    assert rounds_table._STYLES.keys() == set(RoundStatus)  # pyright: ignore[reportPrivateUsage] - the same
    assert doctor._STYLES[verdict]  # pyright: ignore[reportPrivateUsage] - the same


def test_a_look_costs_as_many_statements_for_a_hundred_sources(sqlite_store: Store, sources: list[Source]) -> None:
    """Thirteen sources once took 72."""
    counts: list[int] = []
    heard: list[str] = []
    event.listen(sqlite_store.engine, "before_cursor_execute", lambda *told: heard.append(told[2]))
    beside = traced(sqlite_store)
    for many in (3, 60):
        some = [replace(sources[2], name=f"s{n}") for n in range(many)]
        before = len(heard) + len(beside)
        read_report(sqlite_store, Settings(), some, Schedules())
        counts.append(len(heard) + len(beside) - before)
    assert counts[0] == counts[1] <= 12


def test_all_who_look_at_the_same_moment_share_one_look() -> None:
    """A hundred monitors cost two reads; none gets what was read before it asked."""

    async def ask() -> tuple[list[int], int]:
        looks = 0

        async def take() -> int:
            nonlocal looks
            looks += 1
            await asyncio.sleep(0)
            return looks

        shared = SharedSnapshot(take)
        first = asyncio.create_task(shared.get())
        await asyncio.sleep(0)
        found = await asyncio.gather(first, *(shared.get() for _ in range(99)))
        return found, looks

    found, looks = asyncio.run(ask())
    assert looks <= 2
    assert set(found[1:]) <= {1, 2}
