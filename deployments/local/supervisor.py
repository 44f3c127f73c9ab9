"""The children of one `syncline up`: started in order, started again where one dies or hangs, ended in reverse."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from deployments.local.child import Child
from deployments.local.restarts import MOST_DEATHS, WINDOW_SECONDS, Restarts
from deployments.local.vitals import Look, Patience, Silence, Vitals, cpu_seconds
from deployments.trust import trusted
from syncline.errors import SynclineError

__all__ = ["ChildDiedError", "StoppedError", "Supervisor"]

_POLL_SECONDS = 0.2
_REAPER_SECONDS = 15
"""How long the reaper may take; it gives the groups that it ends 8 s."""
_HUNG_GRACE_SECONDS = 3.0
"""How long a child that hangs may take to end by itself; most often it cannot."""
_NEEDED_EVERY_SECONDS = 1.0
"""How often it is looked whether what a child needs is there again."""


class ChildDiedError(SynclineError):
    """A child ended by itself, and is not started again."""

    def __init__(self, child: Child, *, again: bool = False) -> None:
        """Tell which one, and what it said last; `again` that it was not the first time."""
        self.name = child.name
        self.last_lines = child.last_lines()
        often = f" {MOST_DEATHS} times within {WINDOW_SECONDS / 60:g} minutes" if again else ""
        super().__init__(f"{child.name} ended unexpectedly{often} ({child.end}); its last words:")


class StoppedError(SynclineError):
    """The user ended it while it was starting."""


@dataclass(kw_only=True)
class _Slot:
    """One child, across its restarts.

    Attributes:
        start: starts the child.
        needs: what must answer before it is started again; None: nothing.
        vitals: looks for its signs of life; None: its end alone is seen.
        silence: how long it has given none.
        restart_at: when it is started again; None while it runs.
    """

    start: Callable[[], Child]
    child: Child
    needs: str | None
    restarts: Restarts
    vitals: Vitals | None
    silence: Silence
    restart_at: float | None = None


class Supervisor:
    """Starts children and ends them all when its context ends, however it ends.

    Attributes:
        stopped: set it (a signal handler does) to have `watch` return.
    """

    def __init__(
        self, logs: Path, *, say: Callable[[str], None] | None = None, patience: Patience | None = None
    ) -> None:
        """Keep the children's logs in the folder `logs`; `say` is told of each that is started again.

        A child that is silent for longer than `patience` says is ended and started again.
        """
        self.stopped = threading.Event()
        self._patience = patience or Patience()
        self._logs = logs
        self._say = _say_nothing if say is None else say
        self._slots: list[_Slot] = []
        self._reaper: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._reaper = _start_reaper()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ExitStack() as ending:  # each is ended, whatever becomes of the others; the last error is raised
            for slot in self._slots:
                ending.callback(slot.child.finish_log)
                if slot.vitals is not None:
                    ending.callback(slot.vitals.end)
            ending.push(self._dismiss_reaper)
            for slot in self._slots:
                ending.callback(slot.child.stop)

    def _dismiss_reaper(self, kind: type[BaseException] | None, *_error: object) -> None:
        """End the reaper; if a child could not be ended it is not told `done`, and ends what is left."""
        if self._reaper is None or self._reaper.stdin is None:
            return
        with contextlib.suppress(BrokenPipeError):
            if kind is None:
                self._reaper.stdin.write("done\n")
            self._reaper.stdin.close()
        try:
            self._reaper.wait(timeout=_REAPER_SECONDS)
        except subprocess.TimeoutExpired:
            self._reaper.kill()
            self._reaper.wait()

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        grace_seconds: float = 10,
        needs: str | None = None,
        look: Look | None = None,
    ) -> Child:
        """Start a child, a Python module with arguments; its log is `NAME.log`.

        It is started again only when the URL `needs` answers with success. `look` sees whether it gives signs of life.
        """
        words = [sys.executable, "-m", *command]
        log = self._logs / f"{name}.log"

        def start() -> Child:
            child = Child(name, words, env=env, log=log, grace_seconds=grace_seconds)
            self._tell_reaper(child.pid)
            return child

        child, now = start(), time.monotonic()
        vitals = None if look is None else Vitals(look, every_seconds=self._patience.look_every_seconds)
        silence = Silence(at=now, signs=0)
        restarts = Restarts(began=now)
        self._slots.append(
            _Slot(start=start, child=child, needs=needs, restarts=restarts, vitals=vitals, silence=silence)
        )
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
            for slot in self._slots:
                if slot.child.exit_code is not None and not self.stopped.is_set():
                    raise ChildDiedError(slot.child)
            if self.stopped.wait(_POLL_SECONDS):
                raise StoppedError
            if _answers(url):
                return
        raise SynclineError(f"{url} did not answer within {timeout_seconds:g} s; see the logs in {self._logs}")

    def watch(self, look: Callable[[], None] | None = None) -> None:
        """Wait until `stopped` is set; start again what dies, and call `look` now and then.

        Raises:
            ChildDiedError: a child could not be started at all, or ended again and again.
        """
        while not self.stopped.wait(_POLL_SECONDS):
            self._keep_reaper()
            for slot in self._slots:
                self._check(slot)
            if look is not None:
                look()

    def _check(self, slot: _Slot) -> None:
        slot.child.keep_log()
        if slot.restart_at is not None:
            self._restart_when_due(slot)
        elif slot.child.exit_code is not None and not self.stopped.is_set():
            self._record_end(slot, f"ended unexpectedly ({slot.child.end})")
        elif self._hangs(slot) and not self.stopped.is_set():
            slot.child.stop(grace_seconds=_HUNG_GRACE_SECONDS)
            self._record_end(slot, f"gave no sign of life for {slot.silence.seconds:.0f} s and was ended")

    def _hangs(self, slot: _Slot) -> bool:
        if slot.vitals is None:
            return False
        used = cpu_seconds(slot.child.pid)
        slot.silence = slot.silence.after(time.monotonic(), slot.vitals.signs, used)
        return slot.silence.is_too_long(self._patience)

    def _record_end(self, slot: _Slot, why: str) -> None:
        """End what a dead child has left behind, and say `why` it is started again, and when."""
        slot.child.stop()
        self._tell_reaper(-slot.child.pid)
        was_first, now = slot.restarts.is_first, time.monotonic()
        slot.restarts, delay = slot.restarts.died(now, slot.child.exit_code or 0)
        if delay is None:
            raise ChildDiedError(slot.child, again=not was_first)
        slot.restart_at = now + delay
        self._say(f"{slot.child.name} {why}; starting it again in {delay:g} s")

    def _restart_when_due(self, slot: _Slot) -> None:
        now = time.monotonic()
        if slot.restart_at is None or now < slot.restart_at:
            return
        if slot.needs is not None and not _answers(slot.needs):
            slot.restart_at = now + _NEEDED_EVERY_SECONDS
            return
        slot.child, slot.restart_at = slot.start(), None
        slot.silence = Silence(at=now, signs=0 if slot.vitals is None else slot.vitals.signs)
        self._say(f"{slot.child.name} is started again")

    def _tell_reaper(self, group: int) -> None:
        if self._reaper is None or self._reaper.stdin is None:
            return
        with contextlib.suppress(BrokenPipeError):  # it was killed, and another one is started and told all
            self._reaper.stdin.write(f"{group}\n")
            self._reaper.stdin.flush()

    def _keep_reaper(self) -> None:
        """Start another reaper if it was killed."""
        if self._reaper is None or self._reaper.poll() is None:
            return
        self._dismiss_reaper(ChildDiedError)
        self._reaper = _start_reaper()
        for slot in self._slots:
            if slot.restart_at is None:
                self._tell_reaper(slot.child.pid)


def _start_reaper() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "deployments.local.reaper"]
    return subprocess.Popen(  # noqa: S603 - a command of this program
        command, stdin=subprocess.PIPE, text=True, start_new_session=True
    )


def _say_nothing(line: str) -> None:
    del line


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False, verify=trusted(url)).is_success
    except httpx.HTTPError:
        return False
