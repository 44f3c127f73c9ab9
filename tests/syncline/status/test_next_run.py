"""When a source runs next, as far as what refuses its ticks is known: a tick that will be skipped is no promise."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from support.overviews import CLOSED, unprotected, unseen

from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.tables import Hold
from syncline.resilience.breaker import BreakerState
from syncline.status.judgement import report
from syncline.status.overview import SourceOverview
from syncline.status.recent import recent_of
from syncline.status.report import NextRun, State
from syncline.status.schedules import Schedules
from syncline.store.breakers import BreakerStatus

NOW = datetime(2026, 1, 22, 10, tzinfo=UTC)
TICK = NOW + timedelta(minutes=1)
EVERY = timedelta(minutes=5)
SEEN = unseen("quests")


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """Every few minutes, or by a cron."""

    interval_seconds: float | None = EVERY.total_seconds()

    def stalled_at(self, last_run: datetime, now: datetime) -> datetime | None:
        del last_run, now
        return None


@dataclass(frozen=True, kw_only=True)
class Planned:
    """As Prefect has planned it."""

    active: bool = True
    text: str = "every 5 min"
    next_run_at: datetime | None = TICK


def next_run(seen: SourceOverview = SEEN, breaker: BreakerStatus = CLOSED, rhythm: Rhythm | None = None) -> NextRun:
    protection = unprotected(breaker)
    schedules = Schedules(by_source={"quests": Planned()}, cadences={"quests": rhythm or Rhythm()})
    return report([seen], {"quests": protection}, schedules, {}, NOW).of("quests").next_run


def held(until: datetime | None, *, account_id: str = "") -> SourceOverview:
    hold = Hold(
        id="hold-1",
        source="quests",
        account_id=account_id,
        reason="stocktaking",
        created_by="ann",
        created_at=NOW,
        expires_at=until,
    )
    return replace(SEEN, holds=(hold,))


def deferred(until: datetime) -> SourceOverview:
    session = SyncSession(
        id="s1",
        source="quests",
        trigger=Trigger.SCHEDULE,
        mode=Mode.INCREMENTAL,
        status=Status.DEFERRED,
        started_at=NOW - EVERY,
        completed_at=NOW - EVERY,
        retry_at=until,
    )
    return replace(SEEN, last=session, last_run=session)


def test_nothing_refuses_the_next_tick() -> None:
    """It is what Prefect has planned."""
    assert (next_run().at, next_run().why) == (TICK, None)


@pytest.mark.parametrize(
    ("until", "at"),
    [
        (TICK - timedelta(seconds=1), TICK),
        (TICK, TICK),
        (TICK + timedelta(seconds=1), TICK + EVERY),
        (TICK + EVERY, TICK + EVERY),
        (TICK + 2.5 * EVERY, TICK + 3 * EVERY),
    ],
)
def test_what_ends_by_itself_puts_off_to_the_next_tick_behind_it(until: datetime, at: datetime) -> None:
    """`It runs next in 1 min` would be followed by a session `skipped`."""
    opened = BreakerStatus(state=BreakerState.OPEN, opened_at=NOW, retry_at=until)
    assert next_run(held(until)).at == at
    assert next_run(breaker=opened).at == at


def test_what_waits_for_somebody_promises_nothing() -> None:
    """A hold without an end, and a breaker that is held open, last until a command."""
    assert (next_run(held(None)).at, next_run(held(None)).why) == (None, "held")
    forced = next_run(breaker=BreakerStatus(state=BreakerState.FORCED_OPEN))
    assert (forced.at, forced.why, forced.active) == (None, "breaker held open", True)


def test_a_deferred_run_goes_on_when_it_said() -> None:
    """Ticks before that are skipped, and it waits for none after it."""
    assert next_run(deferred(TICK + timedelta(minutes=7))).at == TICK + timedelta(minutes=7)
    assert next_run(deferred(TICK - timedelta(seconds=5))).at == TICK


def test_a_hold_of_one_account_keeps_no_tick() -> None:
    """The others go on."""
    assert next_run(held(None, account_id="acc_1")).at == TICK


def test_the_ticks_of_a_cron_are_not_guessed() -> None:
    """What it waits for is told in place of an instant."""
    by_cron = next_run(held(TICK + EVERY), rhythm=Rhythm(interval_seconds=None))
    assert (by_cron.at, by_cron.why) == (None, "held")
    assert next_run(held(TICK - timedelta(seconds=5)), rhythm=Rhythm(interval_seconds=None)).at == TICK


@pytest.mark.parametrize(
    ("was_off", "state", "why"),
    [
        (True, State.STOPPED, "stopped, when Prefect last told"),
        (False, State.UP_TO_DATE, "unknown: Prefect did not tell"),
    ],
)
def test_a_source_that_was_stopped_is_stopped_while_prefect_does_not_answer(
    *, was_off: bool, state: State, why: str
) -> None:
    """`up to date` beside a schedule that is off would be taken for one that runs."""
    ended = SyncSession(
        id="s1",
        source="quests",
        trigger=Trigger.SCHEDULE,
        mode=Mode.FULL,
        status=Status.COMPLETED,
        started_at=NOW,
        completed_at=NOW,
    )
    seen = replace(SEEN, last=ended, last_run=ended, recent=recent_of([ended]), was_off=was_off)
    protection = unprotected()
    away = Schedules(unknown="Prefect does not answer", cadences={"quests": Rhythm()})
    told = report([seen], {"quests": protection}, away, {}, NOW).of("quests")
    assert (told.state, told.next_run.at, told.next_run.why) == (state, None, why)
