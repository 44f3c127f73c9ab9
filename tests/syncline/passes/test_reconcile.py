"""Sessions whose process died before it could close them are found and closed."""

from collections.abc import Callable

import pytest
from support.records import open_session
from support.runs import begin, dead_process, products_source, session
from support.upstream import ListPages

from syncline.admission.admit import admit
from syncline.admission.due_run import DueRun
from syncline.clock import ManualClock
from syncline.model.session import Status, Tally, Trigger
from syncline.passes.reconcile import reconcile
from syncline.store import heartbeats, sessions
from syncline.store.engine import Store

SOURCE = products_source(ListPages())


def knows(outcome: Status | None) -> Callable[[str], Status | None]:
    return lambda flow_run_id: outcome if flow_run_id == "run-1" else None


def test_a_session_that_is_at_work_is_left_alone(store: Store) -> None:
    """It holds its lease, its process lives, and Prefect says nothing else."""
    admission = begin(store, SOURCE)
    assert reconcile(store, knows(None)) == []
    assert session(store, admission.session_id).status is Status.RUNNING


def test_a_session_whose_process_died_has_crashed(store: Store) -> None:
    """SIGKILL leaves no word; the process is seen to be gone at once."""
    admission = begin(store, SOURCE, process=dead_process())
    assert reconcile(store, knows(None)) == [admission.session_id]
    found = session(store, admission.session_id)
    assert (found.status, found.completed_at) == (Status.CRASHED, store.clock.now())
    assert found.reason == "its process ended without a word; the next run goes on at its checkpoint"
    with store.read() as connection:
        assert [beat.error_count for beat in heartbeats.every(connection)] == [1]
    assert begin(store, SOURCE).granted


def test_a_session_without_its_lease_has_crashed(store: Store, clock: ManualClock) -> None:
    """A machine without power renews nothing: a minute later it is given up."""
    admission = begin(store, SOURCE)
    clock.advance(seconds=59)
    assert reconcile(store, knows(None)) == []
    clock.advance(seconds=1)
    assert reconcile(store, knows(None)) == [admission.session_id]


def test_a_session_that_never_had_a_lease_has_crashed(store: Store) -> None:
    """Its run died between the two, or the row was made by hand."""
    open_session(store)
    assert reconcile(store, knows(None)) == ["s1"]


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Status.CANCELLED, "its run was cancelled in Prefect"),
        (Status.CRASHED, "its process ended without a word"),
        (Status.FAILED, "its run failed in Prefect, whose log says why"),
    ],
)
def test_what_prefect_knows_is_believed_and_said(store: Store, outcome: Status, said: str) -> None:
    """A run that was cancelled in the UI before it could react is cancelled, though its lease still lasts."""
    admission = admit(store, SOURCE, DueRun(trigger=Trigger.SCHEDULE, flow_run_id="run-1"))
    assert reconcile(store, knows(outcome)) == [admission.session_id]
    found = session(store, admission.session_id)
    assert (found.status, found.reason) == (outcome, f"{said}; the next run goes on at its checkpoint")


@pytest.mark.parametrize(("rejected", "status"), [(0, Status.COMPLETED), (1, Status.PARTIAL)])
def test_a_run_that_ended_well_is_closed_as_such(store: Store, rejected: int, status: Status) -> None:
    """Only the last word was lost; rejected items make it partial, as always."""
    admission = admit(store, SOURCE, DueRun(trigger=Trigger.SCHEDULE, flow_run_id="run-1"))
    with store.write() as connection:
        sessions.advance(connection, admission.session_id, Tally(processed=5, rejected=rejected))
    assert reconcile(store, knows(Status.COMPLETED)) == [admission.session_id]
    assert session(store, admission.session_id).status is status


def test_a_closed_session_is_not_closed_again(store: Store) -> None:
    """A second look finds nothing to do."""
    open_session(store)
    assert reconcile(store, knows(None)) == ["s1"]
    assert reconcile(store, knows(None)) == []


def test_a_session_that_ends_while_it_is_looked_at_keeps_its_outcome(store: Store) -> None:
    """Asking Prefect takes time; what its own run wrote meanwhile stands."""
    admission = admit(store, SOURCE, DueRun(trigger=Trigger.SCHEDULE, flow_run_id="run-1"))

    def ends_meanwhile(flow_run_id: str) -> Status:
        with store.write() as connection:
            sessions.close(connection, admission.session_id, Status.FAILED, now=store.clock.now())
        return Status.COMPLETED

    assert reconcile(store, ends_meanwhile) == []
    assert session(store, admission.session_id).status is Status.FAILED


def test_a_run_that_is_being_ended_is_left_to_its_hooks_until_its_lease_runs_out(
    store: Store, clock: ManualClock
) -> None:
    """Who cancels a run kills its process first, and writes down why after that; it has not crashed."""
    due = DueRun(trigger=Trigger.SCHEDULE, flow_run_id="run-1")
    admission = admit(store, SOURCE, due, process=dead_process())
    assert reconcile(store, knows(Status.CANCELLED), is_ending=lambda run: run == "run-1") == []
    clock.advance(seconds=60)
    assert reconcile(store, knows(Status.CANCELLED), is_ending=lambda run: run == "run-1") == [admission.session_id]
    assert session(store, admission.session_id).status is Status.CANCELLED


def test_all_sources_are_looked_at(store: Store) -> None:
    """One healthy session does not hide the dead ones beside it."""
    living = begin(store, SOURCE)
    open_session(store, "dead-1", source="customers")
    open_session(store, "dead-2", source="products", account_id="anna")
    assert sorted(reconcile(store, knows(None))) == ["dead-1", "dead-2"]
    assert session(store, living.session_id).status is Status.RUNNING
