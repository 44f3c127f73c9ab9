"""A child process in a process group of its own, with its log."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Child"]

_STRAGGLERS_SECONDS = 5.0
_LOG_TAIL_BYTES = 16_384


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
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - commands of this program, without a shell
                command,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id, which is the id of its group as well."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.poll()

    def last_lines(self, count: int = 10) -> list[str]:
        """The last lines of its log."""
        with self._log.open("rb") as file:
            file.seek(max(0, self._log.stat().st_size - _LOG_TAIL_BYTES))
            return file.read().decode("utf-8", "replace").splitlines()[-count:]

    def stop(self) -> None:
        """Ask it to end, wait, and end by force what is left of its group."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            self._process.wait(timeout=self.grace_seconds)
        except subprocess.TimeoutExpired:
            self._signal_group(signal.SIGKILL)
        self._end_stragglers()
        self._process.wait()

    def _end_stragglers(self) -> None:
        """What it started and left behind."""
        deadline = time.monotonic() + _STRAGGLERS_SECONDS
        while self._signal_group(signal.SIGTERM):
            if time.monotonic() > deadline:
                self._signal_group(signal.SIGKILL)
                return
            time.sleep(0.1)

    def _signal_group(self, number: signal.Signals) -> bool:
        """Signal all of the group; False where nobody is left."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return False
        return True
