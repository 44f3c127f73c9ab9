"""Who listens for looks in a state folder, and with which code."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.instance import eventually
from support.looks import BY_ITSELF, forks_again, is_forked, look_env, look_server, typed

from deployments.forking import ForkServer
from deployments.local.running_code import ROOMS
from deployments.look_socket import SOCKET, connect

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_the_socket_is_that_of_the_living_server(sqlite_template: Path, tmp_path: Path) -> None:
    """A killed one leaves it behind, and a run of its own goes on: neither is waited for, and the next one takes it."""
    shutil.copy(sqlite_template, tmp_path / "syncline.db")
    env = look_env(tmp_path)
    with look_server(tmp_path) as server:
        run = server.fork(dict(os.environ))
        killed = server.pid
        assert run is not None
        assert killed is not None
        left = (tmp_path / SOCKET).stat().st_ino
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: _is_refused(tmp_path) or None, "end of the server")
        assert not is_forked(env, tmp_path)
        eventually(lambda: server.fork(dict(os.environ)), "fork of a new server").drop()
        eventually(lambda: (tmp_path / SOCKET).stat().st_ino != left or None, "socket of the new server")
        forks_again(tmp_path)
        run.drop()
    assert not (tmp_path / SOCKET).exists()


def _is_refused(home: Path) -> bool:
    try:
        connect(home, 60).close()
    except ConnectionRefusedError:
        return True
    return False


def test_two_servers_do_not_fight(sqlite_template: Path, tmp_path: Path) -> None:
    """The later one has the socket, and the earlier one does not take it along when it ends."""
    shutil.copy(sqlite_template, tmp_path / "syncline.db")
    with look_server(tmp_path) as first:
        earlier = (tmp_path / SOCKET).stat().st_ino
        second = ForkServer(tmp_path, "cli.looks")
        second.start()
        eventually(lambda: (tmp_path / SOCKET).stat().st_ino != earlier or None, "socket of the second server")
        first.close()
        forks_again(tmp_path)
        second.close()
    assert not (tmp_path / SOCKET).exists()


def test_a_module_that_cannot_be_imported_does_not_keep_runs_from_forking(tmp_path: Path) -> None:
    """The command line is nothing that a run needs."""
    server = ForkServer(tmp_path, "cli.no_such_module")
    server.start()
    run = eventually(lambda: server.fork(dict(os.environ)), "fork of a run")
    run.drop()
    run.wait()
    assert not (tmp_path / SOCKET).exists()
    server.close()


def test_changed_code_is_not_stood_in_for(sqlite_template: Path, tmp_path: Path) -> None:
    """A fork has the code of when its server began; by itself, the command has that of now, or of another checkout."""
    project, home = tmp_path / "project", tmp_path / "home"
    home.mkdir()
    shutil.copy(sqlite_template, home / "syncline.db")
    for room in ROOMS:
        shutil.copytree(ROOT / room, project / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "prefect.yaml", project)
    code = (
        "import sys; from pathlib import Path; from deployments.forking import ForkServer\n"
        "s = ForkServer(Path(sys.argv[1]), 'cli.looks'); s.start(); input(); s.close()"
    )
    runner = subprocess.Popen([sys.executable, "-c", code, str(home)], cwd=project, stdin=subprocess.PIPE)
    try:
        eventually(lambda: (home / SOCKET).exists() or None, "socket of the fork server")
        eventually(lambda: is_forked(look_env(home), project) or None, "look that is forked")
        assert not is_forked(look_env(home), ROOT)
        later = time.time() + 5
        os.utime(project / "flows" / "products.py", (later, later))
        assert not is_forked(look_env(home), project)
        done = typed(BY_ITSELF, "history", env=look_env(home), cwd=project)
        assert (done.returncode, done.stderr) == (0, b"")
    finally:
        runner.communicate(b"\n", timeout=60)
