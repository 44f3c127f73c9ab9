"""When a run without a session is taken for dead: by what is seen of its process, else by the time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Pending, Running

from deployments.reconciling import RECONCILE_EVERY_SECONDS
from deployments.stale_runs import is_stuck
from flows.freeze_coordinator import FREEZE_COORDINATOR
from flows.registry import find, names
from syncline.model.source import Source
from syncline.passes.ticks import begins_at

THEN = datetime(2026, 1, 22, 10, 0, tzinfo=UTC)
QUICK = find("products")
SPREAD = replace(QUICK, jitter_seconds=600)


def run_in(state: State[None], *, tick: datetime | None = None) -> FlowRun:
    """A run that came into the state at 10:00."""
    dated = state.model_copy(update={"timestamp": THEN})
    planned = {} if tick is None else {"auto_scheduled": True, "expected_start_time": tick}
    return FlowRun.model_validate(
        {"id": uuid4(), "flow_id": uuid4(), "state": dated, "state_type": dated.type, **planned}
    )


def stuck_after(source: Source, run: FlowRun, *, lives: bool | None = None, waits: bool = False) -> int:
    """The first full second after which it is stuck."""
    seconds = (
        second
        for second in range(2_000)
        if is_stuck(source, run, THEN + timedelta(seconds=second), lives=lives, waits=waits)
    )
    return next(seconds)


@pytest.mark.parametrize("state", [Pending(), Running()])
def test_a_dead_process_is_told_at_once_and_one_that_lives_is_given_time(state: State[None]) -> None:
    """A busy machine may take minutes to start a run, which is then not missed; a killed one never comes."""
    assert stuck_after(QUICK, run_in(state), lives=False) == 16
    assert stuck_after(QUICK, run_in(state), lives=True) == 301


def test_without_a_process_in_sight_time_tells() -> None:
    """Workers run on other machines."""
    assert stuck_after(QUICK, run_in(Pending())) == 91
    assert stuck_after(QUICK, run_in(Running())) == 61


def test_patience_counts_only_while_a_run_waits_for_its_turn() -> None:
    """A source that may wait for two minutes has its dead runs told as soon as any other."""
    patient = replace(FREEZE_COORDINATOR, jitter_seconds=0)
    assert stuck_after(patient, run_in(Running())) == 61
    assert stuck_after(patient, run_in(Running()), waits=True) == 61 + patient.patience_seconds


def test_a_run_is_expected_when_its_tick_begins() -> None:
    """The jitter of a tick is drawn from the tick, so it is known and not to be guessed at."""
    begins = (begins_at(SPREAD, THEN) - THEN).total_seconds()
    assert 60 < begins < 600
    assert stuck_after(SPREAD, run_in(Running(), tick=THEN)) == int(begins) + 61
    assert stuck_after(SPREAD, run_in(Running(), tick=THEN - timedelta(hours=1))) == 61
    assert stuck_after(SPREAD, run_in(Running(), tick=THEN), lives=False) == 16


def test_an_outcome_is_told_within_two_minutes() -> None:
    """What docs/operation.md promises, for each source that there is: the look comes every 15 seconds."""
    for source in map(find, names()):
        for state in (Pending(), Running()):
            for lives in (None, False):
                at_most = stuck_after(source, run_in(state, tick=THEN), lives=lives) + RECONCILE_EVERY_SECONDS
                assert at_most <= 110, source.name
