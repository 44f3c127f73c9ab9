import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deployments.local.child import Child
from deployments.local.supervisor import ChildDiedError, Supervisor
from syncline.errors import SynclineError

PARENT_WITH_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(1, flush=True)
time.sleep(60)
"""
DEADLINE_SECONDS = 20


def _module(tmp_path: Path, name: str, text: str) -> dict[str, str]:
    (tmp_path / f"{name}.py").write_text(text)
    return dict(os.environ) | {"PYTHONPATH": str(tmp_path)}


def _lives(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _first_number(log: Path) -> int:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        if log.exists() and log.read_text().strip():
            return int(log.read_text().split()[0])
        time.sleep(0.02)
    raise AssertionError("the child said nothing")


def _ends(pid: int) -> bool:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while _lives(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not _lives(pid)


def test_all_children_and_their_children_end_with_the_house(tmp_path: Path) -> None:
    """A Ctrl-C must leave nothing behind that holds a port or a lease."""
    env = _module(tmp_path, "parent", PARENT_WITH_CHILD)
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("a", ["parent"], env=env)
        grandchild = _first_number(tmp_path / "a.log")
        assert _lives(grandchild)
    assert child.exit_code is not None
    assert _ends(grandchild)


def test_a_child_that_will_not_end_is_ended(tmp_path: Path) -> None:
    """One stuck process must not keep the user waiting for ever."""
    stubborn = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint(1, flush=True)\ntime.sleep(60)"
    )
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("a", ["stubborn"], env=_module(tmp_path, "stubborn", stubborn), grace_seconds=0.2)
        _first_number(tmp_path / "a.log")
    assert child.exit_code == -signal.SIGKILL


class Unendable(Child):
    """Cannot be asked to end: its process belongs to somebody else by now, as the kernel sees it."""

    def stop(self, *, grace_seconds: float | None = None) -> None:
        del grace_seconds
        raise PermissionError


def test_one_child_that_cannot_be_ended_does_not_keep_the_others(tmp_path: Path) -> None:
    """All children but one would live on, and hold their ports; what could not be ended, the reaper ends."""
    env = _module(tmp_path, "parent", PARENT_WITH_CHILD)
    supervisor = Supervisor(tmp_path)
    supervisor.__enter__()
    children = [supervisor.start(name, ["parent"], env=env) for name in ("first", "second", "third")]
    children[1].__class__ = Unendable
    grandchildren = [_first_number(tmp_path / f"{child.name}.log") for child in children]
    with pytest.raises(PermissionError):
        supervisor.__exit__(None, None, None)
    assert None not in {children[0].exit_code, children[2].exit_code}
    assert _ends(children[1].pid)
    assert children[1].exit_code is not None  # and is reaped
    assert all(_ends(grandchild) for grandchild in grandchildren)


def test_a_child_that_dies_is_told_with_its_last_words(tmp_path: Path) -> None:
    """The reason stands in its log; nobody should have to look for that."""
    env = _module(tmp_path, "failing", "print('cannot go on'); raise SystemExit(3)")
    with Supervisor(tmp_path) as supervisor:
        supervisor.start("web", ["failing"], env=env)
        with pytest.raises(ChildDiedError, match=r"web ended unexpectedly \(exit code 3\)") as died:
            supervisor.watch()
    assert died.value.last_lines == ["cannot go on"]


def test_what_does_not_answer_in_time_is_told(tmp_path: Path) -> None:
    """A server that hangs at its start must end the start, with the place of the logs."""
    with (
        Supervisor(tmp_path) as supervisor,
        pytest.raises(SynclineError, match=r"did not answer within 0\.3 s; see"),
    ):
        supervisor.wait_for("http://127.0.0.1:9/health", timeout_seconds=0.3)


def test_children_of_a_killed_parent_end_too(tmp_path: Path) -> None:
    """SIGKILL gives no chance to clean up; orphans would hold the ports of the next start."""
    env = _module(tmp_path, "parent", PARENT_WITH_CHILD)
    script = (
        "import os, pathlib, sys\n"
        "from deployments.local.supervisor import Supervisor\n"
        f"supervisor = Supervisor(pathlib.Path({str(tmp_path)!r})).__enter__()\n"
        "child = supervisor.start('a', ['parent'], env=os.environ)\n"
        "print(child.pid, flush=True)\n"
        "supervisor.watch()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        grandchild = _first_number(tmp_path / "a.log")
        process.kill()
    assert _ends(child)
    assert _ends(grandchild)
