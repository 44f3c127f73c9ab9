"""A child process in a process group of its own, with its log."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from deployments.local import log_writer

__all__ = ["Child"]

_STRAGGLERS_SECONDS = 5.0
_LOG_TAIL_BYTES = 16_384
_WRITER_SECONDS = 5.0
"""How long the writer of the log may take to end once its input is closed."""


class Child:
    """A process and whatever it starts.

    It leads a session of its own: a Ctrl-C in the terminal reaches its parent alone, which ends it in its turn.

    Attributes:
        name: what it is, in one word.
        grace_seconds: how long it may take to end by itself.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str], log: Path, grace_seconds: float = 10
    ) -> None:
        """Start `command` with the environment `env`; what it says goes to the end of `log`."""
        self.name = name
        self.grace_seconds = grace_seconds
        self._log = log
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._output, to_write = os.pipe()  # read by the writer; open here too, so that another can take its place
        self._writer = self._start_writer()
        self._process = subprocess.Popen(  # noqa: S603 - commands of this program, without a shell
            command,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=to_write,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        os.close(to_write)

    @property
    def pid(self) -> int:
        """The process id, which is the id of its group as well."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.poll()

    @property
    def end(self) -> str:
        """How it ended, in a few words."""
        code = self.exit_code
        if code is None or code >= 0:
            return f"exit code {code}"
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
        return f"killed by signal {-code}"

    def last_lines(self, count: int = 10) -> list[str]:
        """The last lines of its log."""
        if self.exit_code is not None:
            self.finish_log()
        with self._log.open("rb") as file:
            file.seek(max(0, self._log.stat().st_size - _LOG_TAIL_BYTES))
            return file.read().decode("utf-8", "replace").splitlines()[-count:]

    def keep_log(self) -> None:
        """Start another writer of its log where that one was killed; the child would wait for it for ever."""
        if self._output >= 0 and self.exit_code is None and self._writer.poll() is not None:
            self._writer = self._start_writer()

    def finish_log(self) -> None:
        """Wait until the log holds all output; if another process holds that open, the writer goes on without us."""
        if self._output >= 0:
            os.close(self._output)
            self._output = -1
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._writer.wait(timeout=_WRITER_SECONDS)

    def stop(self, *, grace_seconds: float | None = None) -> None:
        """Ask it to end, wait for its own `grace_seconds` or these, and end by force what is left of its group."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            self._process.wait(timeout=self.grace_seconds if grace_seconds is None else grace_seconds)
        except subprocess.TimeoutExpired:
            self._signal_group(signal.SIGKILL)
        self._end_stragglers()
        self._process.wait()
        self.finish_log()

    def _start_writer(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-I", "-S", log_writer.__file__, str(self._log)]
        return subprocess.Popen(command, stdin=self._output, start_new_session=True)  # noqa: S603 - a command of this program

    def _end_stragglers(self) -> None:
        """What it started and left behind."""
        deadline = time.monotonic() + _STRAGGLERS_SECONDS
        while self._signal_group(signal.SIGTERM):
            if time.monotonic() > deadline:
                self._signal_group(signal.SIGKILL)
                return
            time.sleep(0.1)

    def _signal_group(self, number: signal.Signals) -> bool:
        """Signal all of the group; False if no process is left."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return False
        return True
