"""Looks: commands that only read, each run by a fork of the fork server, which has imported everything that they need.

This is the fork server's side: it accepts, forks and reaps. What a request says is read in the fork alone
(`deployments.look_fork`), so that one which is slow or wrong keeps no run waiting.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Collection
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from deployments.local.running_code import LoadedCode
from deployments.look_fork import Main, run_look
from deployments.look_socket import SOCKET, is_own_user, listen

__all__ = ["AT_ONCE", "Looks"]

AT_ONCE = 8
"""Forks for looks at the same time; further commands run by themselves."""


class Looks:
    """The forks for looks. Made before what they need is imported, so that a change meanwhile is seen."""

    def __init__(self, home: Path, module: str) -> None:
        """Nothing is opened before `open`.

        Args:
            home: the state folder.
            module: the name of a module that has `prepare()` and a `Main` called `run`.
        """
        self._path = home / SOCKET
        self._module = module
        self._code = LoadedCode()
        self._main: Main | None = None
        self._listener: socket.socket | None = None
        self._inode = 0
        self._forks: dict[int, int] = {}
        """Each fork's process id, by its pidfd."""

    def open(self) -> None:
        """Import what looks need, and listen; raises whatever the import does.

        Raises:
            OSError: the state folder cannot hold a socket, or the system does not name processes by descriptors.
        """
        module = import_module(self._module)
        module.prepare()
        self._main = module.run
        self._code.note_loaded()
        os.close(os.pidfd_open(os.getpid()))
        self._listener = listen(self._path.parent)
        self._inode = self._path.stat().st_ino

    @property
    def descriptors(self) -> list[int]:
        """Those that have news when `tend` is to be called."""
        return [*([] if self._listener is None else [self._listener.fileno()]), *self._forks]

    def tend(self, ready: Collection[int]) -> socket.socket | None:
        """Reap what has ended, and fork once if a command asks.

        Returns:
            The connection with the command's process, in the fork; None in the server.
        """
        for pidfd in [one for one in self._forks if one in ready]:
            os.waitpid(self._forks.pop(pidfd), 0)
            os.close(pidfd)
        if self._listener is None or self._listener.fileno() not in ready:
            return None
        with contextlib.suppress(OSError):  # the command is gone again, or there is no room for another process
            connection, _address = self._listener.accept()
            if self._is_fork_for(connection):
                return connection
            connection.close()
        return None

    def _is_fork_for(self, connection: socket.socket) -> bool:
        """Fork for the connection if it may have one; True in the fork."""
        if len(self._forks) >= AT_ONCE or not is_own_user(connection):
            return False
        pid = os.fork()
        if pid == 0:
            return True
        self._forks[os.pidfd_open(pid)] = pid
        return False

    def run(self, connection: socket.socket) -> NoReturn:
        """In a fork for the connection: take the place of the command, and end with its exit code."""
        self.drop()
        assert self._main is not None
        run_look(connection, self._main, self._code)

    def drop(self) -> None:
        """In any fork: close what is the server's; while a fork holds the socket, commands wait for an answer."""
        for pidfd in self._forks:
            os.close(pidfd)
        self._forks.clear()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def close(self) -> None:
        """In the server: listen no more, and take the socket away unless it is another server's; forks go on."""
        self.drop()
        with contextlib.suppress(OSError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()
