"""The runner's side of the fork server: starts it, orders runs, and waits for their processes.

Where a run cannot be forked (not on Linux, the fork server does not answer, the system has no room) Prefect spawns a
process for it, as it does by itself; the log says so once.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deployments.fork_server import LENGTH_BYTES, READY

__all__ = ["ForkServer", "ForkedRun"]

_LOGGER = "prefect.syncline"
"""Prefect's `get_logger("syncline")`, without importing Prefect: the fork server imports while the runner does."""
_READY_SECONDS = 60
"""How long the imports may take; on a busy machine they take long for a spawned process too."""
_ANSWER_SECONDS = 15
_ATTEMPTS = 3
"""Fork servers in a row that die before they have forked, after which runs are spawned."""
_PR_SET_CHILD_SUBREAPER = 36
"""linux/prctl.h: orphans below this process become its children."""


@dataclass(kw_only=True)
class ForkedRun:
    """The process of a run, in the shape in which Prefect's runner knows processes.

    Attributes:
        pid: the process id.
        gate: the pipe's end that says when it begins.
        returncode: the exit code, or the signal's number with a minus; None while it runs.
        cpu_seconds: what it has used, once it has ended.
    """

    pid: int
    gate: int
    returncode: int | None = None
    cpu_seconds: float = 0.0

    def begin(self) -> None:
        """Let the run begin; where its process has ended by now, waiting for it tells."""
        try:
            os.write(self.gate, b"g")
        except BrokenPipeError:
            pass
        finally:
            os.close(self.gate)

    def drop(self) -> None:
        """Let it end without having begun."""
        os.close(self.gate)

    def wait(self) -> None:
        """Wait until it has ended."""
        _pid, status, usage = os.wait4(self.pid, 0)
        self.cpu_seconds = usage.ru_utime + usage.ru_stime
        self.returncode = os.waitstatus_to_exitcode(status)


class ForkServer:
    """The fork server, started anew when it died; safe to be used by several threads."""

    def __init__(self, home: Path | None = None, looks: str | None = None) -> None:
        """Nothing is started before `start`. With both, commands that only read are forks too: see `Looks`."""
        self._looks = [] if home is None or looks is None else [str(home.absolute()), looks]
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._orders: socket.socket | None = None
        self._is_ready = False
        self._failures = 0
        self._has_said = False
        self._is_closed = False

    @property
    def pid(self) -> int | None:
        """The process id of the fork server; None where there is none."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it, so that it imports while others still prepare; where it cannot be had, nothing happens."""
        with self._lock:
            self._start()

    def close(self) -> None:
        """End it, for good; runs under way go on."""
        self._is_closed = True
        orders = self._orders
        if orders is not None:
            with contextlib.suppress(OSError):
                orders.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits for an answer
        with self._lock:
            self._drop()

    def fork(self, env: Mapping[str, str]) -> ForkedRun | None:
        """A process that waits to begin a run with the environment `env`; None where there is none to be had."""
        with self._lock:
            if self._orders is None:
                self._start()
            if self._orders is None:
                self._say("there is no fork server")
                return None
            try:
                return self._ordered(self._orders, env)
            except (OSError, ValueError) as error:
                self._failures += 1
                self._drop()
                if self._is_closed:
                    return None
                self._start()  # ready, perhaps, when the next run is due
                self._say(f"the fork server did not answer ({type(error).__name__})")
                return None

    def _ordered(self, orders: socket.socket, env: Mapping[str, str]) -> ForkedRun:
        if not self._is_ready:
            orders.settimeout(_READY_SECONDS)
            if _line(orders) != READY:
                raise ConnectionResetError
            self._is_ready = True
        orders.settimeout(_ANSWER_SECONDS)
        body = json.dumps(dict(env)).encode()
        gate, begin = os.pipe()
        try:
            socket.send_fds(orders, [len(body).to_bytes(LENGTH_BYTES, "big")], [gate])
            orders.sendall(body)
            pid = _pid(_line(orders))
        except BaseException:
            os.close(begin)  # a run that was forked all the same ends without having begun
            raise
        finally:
            os.close(gate)
        self._failures = 0
        return ForkedRun(pid=pid, gate=begin)

    def _start(self) -> None:
        if sys.platform != "linux" or self._failures >= _ATTEMPTS or self._is_closed:
            return
        ours, theirs = socket.socketpair()
        try:
            _adopt_orphans()
            command = [sys.executable, "-m", "deployments.fork_server", str(theirs.fileno()), *self._looks]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)  # noqa: S603 - a command of this program
        except OSError as error:
            ours.close()
            self._say(f"the fork server did not start: {error}")
        else:
            self._orders, self._is_ready = ours, False
        finally:
            theirs.close()

    def _drop(self) -> None:
        if self._orders is not None:
            self._orders.close()  # it ends then
        if self._process is not None:
            try:
                self._process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._orders, self._process = None, None

    def _say(self, why: str) -> None:
        if not self._has_said:
            self._has_said = True
            logging.getLogger(_LOGGER).warning("%s: runs that are not forked are spawned, which takes longer", why)


def _line(orders: socket.socket) -> bytes:
    """The next line; a server says nothing unasked, so nothing is behind it.

    Raises:
        ConnectionResetError: the server has ended.
    """
    received = b""
    while not received.endswith(b"\n"):
        part = orders.recv(64)
        if not part:
            raise ConnectionResetError
        received += part
    return received


def _pid(said: bytes) -> int:
    """The process id that the server said.

    Raises:
        OSError: it said that it could not fork.
    """
    pid = int(said)
    if pid < 0:
        raise OSError("the system refused another process")
    return pid


def _adopt_orphans() -> None:
    """Have the kernel make this process the parent of runs, whose own parent ends at once.

    Raises:
        OSError: it refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
