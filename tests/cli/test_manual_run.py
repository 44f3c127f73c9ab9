"""`syncline sync`: what it says at the end, and with which code it exits."""

import json
import signal
from collections.abc import Callable
from threading import Event

import pytest

from cli.instance import Instance
from cli.manual_run import Runner, RunRequest, watched
from syncline.errors import StoreError
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession

Keep = Callable[..., SyncSession]
WISH = RunRequest(source="products", mode=Mode.FULL)


def _ending_in(session: SyncSession) -> Runner:
    """A flow that ends in `session`."""

    def run(instance: Instance, request: RunRequest, cancelled: Event) -> SyncSession:
        assert request.source == session.source
        return session

    return run


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (Status.COMPLETED, 0),
        (Status.PARTIAL, 0),
        (Status.FAILED, 1),
        (Status.CRASHED, 1),
        (Status.CANCELLED, 1),
        (Status.SKIPPED, 75),
        (Status.DEFERRED, 75),
        (Status.MISSED, 75),
    ],
)
def test_each_outcome_has_its_exit_code(status: Status, code: int, instance: Instance, keep: Keep) -> None:
    """A script tells `done`, `failed` and `not now` apart without reading words."""
    assert watched(instance, WISH, run=_ending_in(keep(status=status)), as_json=False) == code


def test_every_outcome_has_its_exit_code(instance: Instance, keep: Keep) -> None:
    """A outcome that is added later must not end as a crash of the command."""
    for number, status in enumerate(Status):
        kept = keep(id=str(number), status=status)
        assert watched(instance, WISH, run=_ending_in(kept), as_json=False) in {0, 1, 75}


def test_the_summary_is_one_line(instance: Instance, keep: Keep, capsys: pytest.CaptureFixture[str]) -> None:
    """It is what remains in a log: all that counts, on one line however narrow the terminal."""
    watched(instance, WISH, run=_ending_in(keep()), as_json=False)
    captured = capsys.readouterr()
    assert captured.out == (
        "products (full) completed · 46 pages · 12 created, 8 updated, 4,520 unchanged, 0 deleted · 1 min 20 s\n"
    )
    assert captured.err == ""


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"status": Status.FAILED, "error_type": "UnavailableError", "error_message": "500"}, "UnavailableError: 500"),
        ({"status": Status.SKIPPED, "reason": "overlap: session x is running"}, "overlap: session x is running"),
    ],
)
def test_the_summary_says_why(
    values: dict[str, object], words: str, instance: Instance, keep: Keep, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failure without its cause sends its reader to the logs."""
    watched(instance, WISH, run=_ending_in(keep(**values)), as_json=False)
    assert capsys.readouterr().out.endswith(f" · {words}\n")


def test_a_run_that_never_began_counts_nothing(
    instance: Instance, keep: Keep, capsys: pytest.CaptureFixture[str]
) -> None:
    """Zeros would read as if the upstream had been asked and had nothing."""
    watched(instance, WISH, run=_ending_in(keep(status=Status.SKIPPED, reason="paused: orders")), as_json=False)
    assert capsys.readouterr().out == "products (full) skipped · paused: orders\n"


@pytest.mark.parametrize("status", [Status.PARTIAL, Status.COMPLETED])
def test_rejected_items_are_counted_with_the_way_to_see_them(
    status: Status, instance: Instance, keep: Keep, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run went well enough to exit with 0, so the warning must say what is missing."""
    kept = keep(status=status, items_rejected=3)
    assert watched(instance, WISH, run=_ending_in(kept), as_json=False) == 0
    captured = capsys.readouterr()
    assert "3 rejected" in captured.out
    assert captured.err == f"rejected: 3 items; see why with `syncline rejects {kept.id}`\n"


def test_a_partial_run_says_once_why(instance: Instance, keep: Keep, capsys: pytest.CaptureFixture[str]) -> None:
    """The session's own reason is the better warning: it also tells of deletions that were refused."""
    kept = keep(status=Status.PARTIAL, items_rejected=3, reason="30 % of the table would go; `--force` deletes it")
    watched(instance, WISH, run=_ending_in(kept), as_json=False)
    captured = capsys.readouterr()
    assert captured.err == "30 % of the table would go; `--force` deletes it\n"
    assert "would go" not in captured.out


def test_json_is_the_session_as_history_gives_it(
    instance: Instance, keep: Keep, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard output is nothing but JSON, so that a pipe can read it."""
    watched(instance, WISH, run=_ending_in(keep(status=Status.PARTIAL, items_rejected=1)), as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert (found["source"], found["status"], found["items_rejected"]) == ("products", "partial", 1)


def test_ctrl_c_lets_the_run_end_in_order(instance: Instance, keep: Keep, capsys: pytest.CaptureFixture[str]) -> None:
    """Its session is closed as cancelled and its lease freed, rather than found as crashed by somebody later."""

    def run(opened: Instance, request: RunRequest, cancelled: Event) -> SyncSession:
        signal.raise_signal(signal.SIGINT)
        assert cancelled.is_set()
        return keep(status=Status.CANCELLED, reason="interrupted at the terminal")

    assert watched(instance, WISH, run=run, as_json=False) == 130
    captured = capsys.readouterr()
    assert "cancelled" in captured.out
    assert captured.err == "stopping … (Ctrl-C again ends it at once)\n"


def test_a_second_ctrl_c_does_not_wait(instance: Instance) -> None:
    """Anyone who presses it twice means it."""

    def run(opened: Instance, request: RunRequest, cancelled: Event) -> SyncSession:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("went on")

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        watched(instance, WISH, run=run, as_json=False)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("error", [StoreError("the run left no session on record"), RuntimeError("no server")])
def test_ctrl_c_before_the_session_began_is_no_failure(error: Exception, instance: Instance) -> None:
    """There is nothing on record to show, and nothing went wrong."""

    def run(opened: Instance, request: RunRequest, cancelled: Event) -> SyncSession:
        signal.raise_signal(signal.SIGINT)
        raise error

    with pytest.raises(KeyboardInterrupt):
        watched(instance, WISH, run=run, as_json=False)


def test_an_error_of_the_run_is_passed_on(instance: Instance) -> None:
    """A missing setting must end the command with its own line and code."""

    def run(opened: Instance, request: RunRequest, cancelled: Event) -> SyncSession:
        raise StoreError("no room")

    with pytest.raises(StoreError, match="no room"):
        watched(instance, WISH, run=run, as_json=False)
