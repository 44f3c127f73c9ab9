"""The children of one `syncline up`: started in order, watched, ended in reverse."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

import httpx

from deployments.child import Child
from syncline.errors import SynclineError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

__all__ = ["ChildDiedError", "Household", "StoppedError"]

_POLL_SECONDS = 0.2
_WARDEN_SECONDS = 15
"""How long the warden may take; it gives what it ends 8 s."""


class ChildDiedError(SynclineError):
    """A child ended by itself."""

    def __init__(self, child: Child) -> None:
        """Tell which one, and what it said last."""
        self.name = child.name
        self.last_lines = child.last_lines()
        super().__init__(f"{child.name} ended unexpectedly (exit code {child.exit_code}); its last words:")


class StoppedError(SynclineError):
    """The user ended it while it was starting."""


class Household:
    """Starts children and ends them all when its context ends, however it ends.

    Attributes:
        stopped: set it (a signal handler does) to have `watch` return.
    """

    def __init__(self, logs: Path) -> None:
        """Keep the children's logs in the folder `logs`."""
        self.stopped = threading.Event()
        self._logs = logs
        self._children: list[Child] = []
        self._warden: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "deployments.warden"]
        self._warden = subprocess.Popen(  # noqa: S603 - a command of this program
            command, stdin=subprocess.PIPE, text=True, start_new_session=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ExitStack() as ending:  # each is ended, whatever becomes of the others; the last error is raised
            ending.push(self._dismiss_warden)
            for child in self._children:
                ending.callback(child.stop)

    def _dismiss_warden(self, kind: type[BaseException] | None, *_error: object) -> None:
        """Let the warden go; where a child could not be ended it is not told so, and ends what is left."""
        if self._warden is None or self._warden.stdin is None:
            return
        with contextlib.suppress(BrokenPipeError):
            if kind is None:
                self._warden.stdin.write("done\n")
            self._warden.stdin.close()
        try:
            self._warden.wait(timeout=_WARDEN_SECONDS)
        except subprocess.TimeoutExpired:
            self._warden.kill()
            self._warden.wait()

    def start(self, name: str, command: Sequence[str], *, env: Mapping[str, str], grace_seconds: float = 10) -> Child:
        """Start a child, a Python module with arguments; its log is `NAME.log`."""
        log = self._logs / f"{name}.log"
        child = Child(name, [sys.executable, "-m", *command], env=env, log=log, grace_seconds=grace_seconds)
        self._children.append(child)
        if self._warden is not None and self._warden.stdin is not None:
            self._warden.stdin.write(f"{child.pid}\n")
            self._warden.stdin.flush()
        return child

    def wait_for(self, url: str, *, timeout_seconds: float) -> None:
        """Wait until `url` answers with success.

        Raises:
            ChildDiedError: a child ended meanwhile.
            StoppedError: the user ended it.
            SynclineError: it did not answer in time.
        """
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            self._look()
            if self.stopped.wait(_POLL_SECONDS):
                raise StoppedError
            if _answers(url):
                return
        raise SynclineError(f"{url} did not answer within {timeout_seconds:g} s; see the logs in {self._logs}")

    def watch(self) -> None:
        """Wait until `stopped` is set.

        Raises:
            ChildDiedError: a child ended by itself.
        """
        while not self.stopped.wait(_POLL_SECONDS):
            self._look()

    def _look(self) -> None:
        for child in self._children:
            if child.exit_code is not None and not self.stopped.is_set():
                raise ChildDiedError(child)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False
