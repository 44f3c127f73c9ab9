"""Ends a run from outside of its event loop, also where that loop no longer answers.

Prefect's own timeout needs an event loop that is free and code that lets itself be cancelled, and closes nothing before
its server has answered. So a thread of ours counts the time: first it cancels the work; work that has not ended a
second later is left alone, and the session is closed from here; a process that is the run's own is ended at last: a
thread that waits for a database would otherwise keep it alive for ever, with its slot at the runner.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from prefect.logging import get_logger

from tasks.early_end import EarlyEnd

__all__ = ["GRACE_SECONDS", "LAST_SECONDS", "STUCK_SECONDS", "Watchdog"]

GRACE_SECONDS = 1.0
"""How long work that was cancelled has to end."""
STUCK_SECONDS = 5.0
"""How long work that did not let itself be cancelled then has, since its session is closed."""
LAST_SECONDS = 10.0
"""How long the process then has to end by itself, telling Prefect included."""


class Watchdog:
    """Ends the work of one run when its time is over, or when `request_stop` is called.

    Attributes:
        stop: why the work is ended; None while it is not.
    """

    def __init__(
        self,
        close: Callable[[EarlyEnd], None],
        leave: Callable[[EarlyEnd], None],
        *,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        """`close` gives the session its outcome, and `leave` ends the process; both are called from a thread."""
        self.stop: EarlyEnd | None = None
        self._close = close
        self._leave = leave
        self._grace_seconds = grace_seconds
        self._changed = threading.Condition()
        self._deadline: tuple[float, EarlyEnd] | None = None
        self._done = False
        self._work: asyncio.Timeout | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        watch = contextvars.copy_context().run
        self._thread = threading.Thread(target=watch, args=(self._watch,), name="watchdog", daemon=True)

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._done = True
            self._changed.notify_all()

    def work(self) -> asyncio.Timeout:
        """What the work runs in: raises TimeoutError where it was ended."""
        self._work = asyncio.timeout(None)
        return self._work

    def set_deadline(self, seconds: float, stop: EarlyEnd) -> None:
        """End the work as `stop` says `seconds` from now; replaces what was said before."""
        with self._changed:
            self._deadline = (time.monotonic() + seconds, stop)
            self._changed.notify_all()

    def request_stop(self, stop: EarlyEnd) -> None:
        """End the work now, as `stop` says; the first one who asks is heard."""
        with self._changed:
            if self.stop is None and not self._done:
                self.stop = stop
                self._changed.notify_all()

    def _watch(self) -> None:
        stop = self._awaited()
        if stop is None or self._loop is None:
            return
        with self._changed:
            if not self._done:
                self._loop.call_soon_threadsafe(self._cancel)
        if not self._ends_within(self._grace_seconds):
            self._attempt(self._close, stop)
            self._ends_within(STUCK_SECONDS)
        threading.Event().wait(LAST_SECONDS)  # it ends with the process, as this thread does
        self._attempt(self._leave, stop)

    def _awaited(self) -> EarlyEnd | None:
        """Wait until the time is over or a stop is requested; None where the run ended before."""
        with self._changed:
            while not self._done and self.stop is None:
                left = None if self._deadline is None else self._deadline[0] - time.monotonic()
                if self._deadline is not None and left is not None and left <= 0:
                    self.stop = self._deadline[1]
                else:
                    self._changed.wait(left)
            return None if self._done else self.stop

    def _ends_within(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._done, seconds)

    def _cancel(self) -> None:
        """Cancel the work, in its own loop; where it is over by now, nothing happens."""
        if self._work is not None and self._work.when() is None:
            try:
                self._work.reschedule(asyncio.get_running_loop().time())
            except RuntimeError:  # it has ended in this very moment
                return

    def _attempt(self, act: Callable[[EarlyEnd], None], stop: EarlyEnd) -> None:
        try:
            act(stop)
        except Exception:  # noqa: BLE001 - whatever it is, the next step may do better
            get_logger("syncline").warning("the watchdog of a run failed", exc_info=True)
