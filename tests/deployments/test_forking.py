"""The fork server itself: real processes, and no Prefect server, so that each run ends with exit code 1."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import warm
from support.instance import eventually

from deployments.forking import ForkedRun, ForkServer

pytestmark = pytest.mark.slow

FLOW_RUN = "6f1b5f0a-0000-4000-8000-000000000000"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A run's environment, whose Prefect server is nowhere."""
    own = {"PREFECT_API_URL": "http://127.0.0.1:1/api", "PREFECT_HOME": str(tmp_path), "PREFECT__FLOW_RUN_ID": FLOW_RUN}
    return dict(os.environ) | own


@pytest.fixture
def server() -> Iterator[ForkServer]:
    made = ForkServer()
    made.start()
    yield made
    made.close()


def forked(server: ForkServer, env: dict[str, str]) -> ForkedRun:
    run = server.fork(env)
    assert run is not None
    return run


def parent_of(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return int(fields[1])


def test_a_fork_ends_as_a_spawned_process_does(server: ForkServer, env: dict[str, str]) -> None:
    """Prefect's runner goes by the exit code; both begin the same engine with the same environment."""
    run = forked(server, env)
    assert parent_of(run.pid) == os.getpid()
    run.begin()
    run.wait()
    spawned = warm.run("-m", "prefect.engine", env=env)
    assert (run.returncode, spawned.returncode) == (1, 1)
    assert run.cpu_seconds > 0


def test_a_fork_that_is_not_begun_does_nothing(server: ForkServer, env: dict[str, str]) -> None:
    """A runner that gave up waiting has given the run to a spawned process; nobody works on it twice."""
    run = forked(server, env)
    run.drop()
    run.wait()
    assert run.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_a_fork_and_is_told(server: ForkServer, env: dict[str, str], number: signal.Signals) -> None:
    """The runner crashes or cancels the run then."""
    run = forked(server, env)
    os.kill(run.pid, number)
    run.wait()
    assert run.returncode == -number
    run.drop()


def test_a_killed_fork_server_leaves_its_forks_and_is_replaced(server: ForkServer, env: dict[str, str]) -> None:
    """The kernel's OOM killer asks nobody; runs under way go on, and the exit code is still told."""
    before = forked(server, env)
    killed = server.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    after = eventually(lambda: server.fork(env), "fork of a new server")
    assert server.pid != killed
    for run in (before, after):
        run.begin()
        run.wait()
        assert run.returncode == 1


def test_a_fork_server_that_does_not_answer_keeps_nobody_waiting(server: ForkServer, env: dict[str, str]) -> None:
    """The run is spawned instead; what comes of the order later does not begin it a second time."""
    forked(server, env).drop()
    stopped = server.pid
    assert stopped is not None
    os.kill(stopped, signal.SIGSTOP)
    assert server.fork(env) is None
    assert not _lives(stopped)
    assert eventually(lambda: server.fork(env), "fork of a new server").pid > 0


def test_a_fork_server_ends_with_its_runner(env: dict[str, str]) -> None:
    """A runner that is killed tells nobody."""
    code = "from deployments.forking import ForkServer; s = ForkServer(); s.start(); print(s.pid); input()"
    runner = subprocess.Popen(
        [sys.executable, "-c", code], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert runner.stdout is not None
    pid = int(runner.stdout.readline())
    runner.kill()
    runner.communicate(timeout=60)
    assert eventually(lambda: not _lives(pid), "end of the fork server")


def _lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
