"""A fork server for looks, beside which a command is run both ways: by a fork, and by itself."""

import os
import socket
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from deployments.forking import ForkServer
from deployments.look_socket import SOCKET
from support import warm
from support.instance import eventually

__all__ = [
    "BY_FORK",
    "BY_ITSELF",
    "NOT_FORKED",
    "SilentServer",
    "forks_again",
    "forks_of",
    "is_forked",
    "look_env",
    "look_server",
    "silent_server",
    "typed",
    "warmly",
]

NOT_FORKED = 99
BY_ITSELF = [sys.executable, "-m", "cli.main"]
_FORKED_ALONE = f"""
import sys
from cli.forked_look import exit_code
code = exit_code(sys.argv[1:])
sys.exit({NOT_FORKED} if code is None else code)
"""
BY_FORK = [sys.executable, "-c", _FORKED_ALONE]
"""As the command, but it ends with `NOT_FORKED` where that would run by itself."""


def look_env(home: Path, **more: str) -> dict[str, str]:
    """The environment of a user of the instance in `home`, whose Prefect server is nowhere."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SYNCLINE_", "COV_"))}
    own = {"SYNCLINE_HOME": str(home), "SYNCLINE_PREFECT_API_URL": "http://127.0.0.1:1/api", "COLUMNS": "100"}
    return {**inherited, **own, **more}


@contextmanager
def look_server(home: Path) -> Generator[ForkServer]:
    """A fork server that listens in the folder `home`."""
    server = ForkServer(home, "cli.looks")
    server.start()
    try:
        eventually(lambda: (home / SOCKET).exists() or None, "socket of the fork server")
        yield server
    finally:
        server.close()


def warmly(*arguments: str, env: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess[bytes]:
    """`syncline` with these arguments by itself, in a process that need not load the libraries."""
    done = warm.run("-m", "cli.main", *arguments, env={**env, "SYNCLINE_FORK_LOOKS": "false"}, cwd=cwd)
    return subprocess.CompletedProcess(arguments, done.returncode, done.stdout.encode(), done.stderr.encode())


def typed(way: Sequence[str], *arguments: str, env: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess[bytes]:
    """`syncline` with these arguments, one way or the other."""
    own = env if way is BY_FORK else {**env, "SYNCLINE_FORK_LOOKS": "false"}
    return subprocess.run([*way, *arguments], env=own, cwd=cwd, capture_output=True, timeout=120, check=False)


def is_forked(env: Mapping[str, str], cwd: Path) -> bool:
    """Whether `syncline history` is run by a fork."""
    return typed(BY_FORK, "history", env=env, cwd=cwd).returncode == 0


def forks_again(home: Path) -> None:
    """Wait until a look at the instance in `home` is run by a fork: on a busy machine some are not."""
    eventually(lambda: is_forked(look_env(home), home) or None, "look that is forked")


def forks_of(server: ForkServer) -> list[int]:
    """The processes that the server has forked and not reaped, zombies included."""
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            if int(fields[1]) == server.pid:
                found.append(int(stat.parent.name))
    return found


@dataclass(frozen=True, kw_only=True)
class SilentServer:
    """A Prefect server that takes connections and says nothing."""

    listener: socket.socket
    connections: list[socket.socket] = field(default_factory=list[socket.socket])

    @property
    def api(self) -> str:
        """The URL of its API."""
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/api"

    def is_asked(self) -> bool:
        """Whether somebody asks it within a moment; they are kept waiting."""
        try:
            connection, _address = self.listener.accept()
        except TimeoutError:
            return False
        self.connections.append(connection)
        return True


@contextmanager
def silent_server() -> Generator[SilentServer]:
    """Such a server, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        server = SilentServer(listener=listener)
        yield server
        for connection in server.connections:
            connection.close()
