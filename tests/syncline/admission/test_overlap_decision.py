"""Whose turn it is, by policy."""

import pytest

from syncline.admission.turn import overlap_decision
from syncline.model.policies import Overlap

SKIP, QUEUE, CANCEL = Overlap.SKIP, Overlap.QUEUE, Overlap.CANCEL_RUNNING


@pytest.mark.parametrize(
    ("overlap", "running", "waiting", "what", "reason"),
    [
        (SKIP, "X", None, "skipped", "overlap: session X is running"),
        (SKIP, "X", "Y", "skipped", "overlap: session X is running"),
        (SKIP, None, "Y", "skipped", "overlap: session Y waits"),
        (SKIP, None, None, "skipped", "overlap: another session is running"),
        (QUEUE, "X", None, "waits", "overlap: session X is running"),
        (QUEUE, "X", "Y", "skipped", "overlap: session X runs, and session Y waits"),
        (QUEUE, None, "Y", "skipped", "overlap: session Y waits"),
        (CANCEL, "X", None, "waits and asks", "overlap: session X was asked to end"),
        (CANCEL, "X", "Y", "skipped", "overlap: session X runs, and session Y waits"),
        (CANCEL, None, None, "waits", "overlap: another session was asked to end"),
    ],
)
def test_a_run_that_meets_another_one_is_treated_by_the_policy(
    overlap: Overlap, running: str | None, waiting: str | None, what: str, reason: str
) -> None:
    """The policy decides, one waits at a time, and the reason names whom it met."""
    turn = overlap_decision(overlap, running=running, waiting=waiting)
    said = "waits and asks" if turn.asks else "waits" if turn.waits else "skipped"
    assert (said, turn.reason) == (what, reason)


@pytest.mark.parametrize("overlap", Overlap)
@pytest.mark.parametrize(
    ("running", "waiting", "first"),
    [("X", None, "session X"), (None, "Y", "session Y"), ("X", "Y", "session X"), (None, None, "an earlier run")],
)
def test_a_run_that_catches_up_waits_whatever_the_policy_says_of_overlaps(
    overlap: Overlap, running: str | None, waiting: str | None, first: str
) -> None:
    """Skipping it would break the promise that each late run has its turn, and so would ending the one before."""
    turn = overlap_decision(overlap, running=running, waiting=waiting, catches_up=True)
    assert (turn.waits, turn.asks, turn.reason) == (True, False, f"catch-up: {first} goes first")
