"""Forks for looks in bad weather: whatever is amiss, the command is run once, by a fork or by itself."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from support.instance import eventually
from support.looks import (
    BY_FORK,
    BY_ITSELF,
    NOT_FORKED,
    SilentServer,
    forks_again,
    forks_of,
    is_forked,
    look_env,
    look_server,
    silent_server,
    typed,
)

from cli.errors import INTERRUPTED
from deployments.forking import ForkServer
from deployments.look_socket import HELLO, READY, SOCKET, Request, connect, listen, send
from deployments.looks import AT_ONCE

pytestmark = pytest.mark.slow

NOT_IGNORED = ["env", "--default-signal=INT"]
"""Before a program that minds Ctrl-C, also where the tests run in the background."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    folder = tmp_path_factory.mktemp("looks") / "home"
    folder.mkdir(mode=0o700)
    shutil.copy(sqlite_template, folder / "syncline.db")
    return folder


@pytest.fixture(scope="module")
def shared(home: Path) -> Iterator[ForkServer]:
    """A fork server for tests that leave it as it was."""
    with look_server(home) as made:
        yield made


@pytest.fixture
def server(shared: ForkServer) -> Iterator[ForkServer]:
    """That one, with nothing forked."""
    _none_is_left(shared)
    yield shared
    _none_is_left(shared)


def _none_is_left(server: ForkServer) -> None:
    eventually(lambda: not forks_of(server) or None, "end of all forks")


def test_the_socket_is_its_owners_alone(server: ForkServer, home: Path) -> None:
    """A command's environment goes through it."""
    assert stat.S_IMODE((home / SOCKET).stat().st_mode) == 0o600


@pytest.mark.parametrize("where", ["the environment", "a file"])
def test_a_setting_has_looks_run_by_themselves(server: ForkServer, home: Path, tmp_path: Path, where: str) -> None:
    """A user who doubts the fork can switch it off."""
    forks_again(home)
    own = {"SYNCLINE_FORK_LOOKS": "0"} if where == "the environment" else {}
    if where == "a file":
        tmp_path.joinpath(".env").write_text("SYNCLINE_FORK_LOOKS=false\n", encoding="utf-8")
    assert not is_forked(look_env(home, **own), tmp_path)


@pytest.mark.parametrize("program", [["-X", "dev"], ["-O"]], ids=["a flag", "another flag"])
def test_another_python_is_not_stood_in_for(server: ForkServer, home: Path, program: list[str]) -> None:
    """A flag of the interpreter's holds for the process that it was given to."""
    forks_again(home)
    way = [sys.executable, *program, *BY_FORK[1:]]
    assert typed(way, "history", env=look_env(home, SYNCLINE_FORK_LOOKS="true"), cwd=home).returncode == NOT_FORKED


def test_a_command_that_does_not_say_go_is_not_run(server: ForkServer, home: Path) -> None:
    """It has given up waiting and runs by itself: run twice, the output would be there twice."""
    read_end, write_end = os.pipe()
    folder = os.open(".", os.O_PATH)
    with connect(home, 60) as connection:
        request = Request(
            same=_same_for_a_new_process(),
            arguments=["history"],
            environment=look_env(home),
            streams=[("utf-8", "strict", False)] * 2,
            ignores_interrupt=False,
        )
        assert connection.recv(1) == HELLO
        send(connection, request, [0, write_end, write_end, folder])
        answer = connection.recv(1)
    os.close(write_end)
    os.close(folder)
    with open(read_end, "rb") as output:  # noqa: PTH123 - a descriptor
        assert (answer, output.read()) == (READY, b"")


def _same_for_a_new_process() -> list[str]:
    """As a command has it; this process may have been started with other flags."""
    program = "import json; from deployments.look_socket import same_for_both; print(json.dumps(same_for_both()))"
    return json.loads(subprocess.check_output([sys.executable, "-c", program]))


@pytest.mark.parametrize("accepts", [False, True])
def test_the_output_ends_with_the_command_where_the_server_stands_still(tmp_path: Path, *, accepts: bool) -> None:
    """`syncline sources | jq` would else wait for a socket that holds the pipe, and that nobody reads."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with listen(home) as listener, ThreadPoolExecutor(1) as pool:
        listener.setblocking(True)
        accepted = pool.submit(listener.accept) if accepts else None
        assert typed(BY_FORK, "audit", env=look_env(home), cwd=tmp_path).returncode == NOT_FORKED
        if accepted is not None:
            accepted.result()[0].close()


@pytest.mark.parametrize("said", [b"", b"\0", b"\0\0\0\2{}", b"\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n"])
def test_nonsense_ends_the_fork_alone(server: ForkServer, home: Path, said: bytes) -> None:
    """The server reads nothing of it."""
    with connect(home, 60) as connection:
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == HELLO
        with suppress(ConnectionResetError):  # where it has not read all
            assert connection.recv(1) == b""
    forks_again(home)


def test_silent_commands_hold_up_neither_runs_nor_for_long_others(server: ForkServer, home: Path) -> None:
    """They take the places there are for looks; runs have none to wait for, and the places are free soon."""
    silent = [connect(home, 60) for _ in range(AT_ONCE)]
    eventually(lambda: len(forks_of(server)) == AT_ONCE or None, "a fork for each")
    with connect(home, 60) as one_more:
        assert one_more.recv(1) == b""
    run = server.fork(dict(os.environ))
    assert run is not None
    run.drop()
    run.wait()
    assert len(forks_of(server)) <= AT_ONCE
    _none_is_left(server)
    for connection in silent:
        connection.close()
    forks_again(home)


def _asking(home: Path, prefect: SilentServer, program: Sequence[str] = BY_FORK) -> subprocess.Popen[bytes]:
    """A `syncline status` that waits for an answer of Prefect's server."""
    env = look_env(home, SYNCLINE_PREFECT_API_URL=prefect.api)

    def started() -> subprocess.Popen[bytes] | None:
        process = subprocess.Popen(
            [*program, "status"],
            env=env | ({"SYNCLINE_FORK_LOOKS": "false"} if "cli.main" in program else {}),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        while process.poll() is None:
            if prefect.is_asked():
                return process
        process.communicate()
        assert process.returncode == NOT_FORKED
        return None

    return eventually(started, "status that asks Prefect")


def _interrupted(home: Path, program: Sequence[str]) -> tuple[int, bytes, bytes] | None:
    """What becomes of a command that waits for Prefect, by Ctrl-C; None where it had given Prefect up by then."""
    with silent_server() as prefect:
        process = _asking(home, prefect, [*NOT_IGNORED, *program])
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    return None if process.returncode == 0 or b"ReadTimeout" in errors else (process.returncode, output, errors)


def test_ctrl_c_reaches_the_fork(server: ForkServer, home: Path) -> None:
    """The fork is in no terminal's group; the command is, and hands it on."""
    told = [
        eventually(lambda program=program: _interrupted(home, program), "command that is interrupted in time")
        for program in (BY_FORK, BY_ITSELF)
    ]
    assert told[0] == told[1]
    assert told[0][0] == INTERRUPTED


def test_a_fork_ignores_ctrl_c_where_the_command_does(server: ForkServer, home: Path) -> None:
    """As one that a script has started in the background."""
    with silent_server() as prefect:
        process = _asking(home, prefect, ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *BY_FORK])
        process.send_signal(signal.SIGINT)
        output, _errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"products" in output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_a_command_that_is_ended_ends_its_fork(server: ForkServer, home: Path, number: signal.Signals) -> None:
    """A fork that nobody reads must not go on."""

    def ended() -> bool:
        """Whether the signal came before the command gave Prefect up and was done."""
        process = _asking(home, prefect)
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode in {0, -number}
        return process.returncode == -number

    with silent_server() as prefect:
        eventually(ended, "command that is ended by the signal")
        _none_is_left(server)


def test_a_fork_that_is_killed_is_told(server: ForkServer, home: Path) -> None:
    """Its output may be half of one: no script may take it for the whole."""
    with silent_server() as prefect:
        process = _asking(home, prefect)
        for pid in forks_of(server):
            os.kill(pid, signal.SIGKILL)
        _output, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"was ended from outside" in errors


def test_a_fork_goes_on_without_its_server(sqlite_template: Path, tmp_path: Path) -> None:
    """The kernel's OOM killer takes the server, which is the larger one; the command need not be run again."""
    shutil.copy(sqlite_template, tmp_path / "syncline.db")
    with look_server(tmp_path) as server, silent_server() as prefect:
        process = _asking(tmp_path, prefect)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        output, _errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"products" in output
