"""Drains in forks of a loaded process, each of which may kill itself (SIGKILL) after so many lines of jobs' code."""

import asyncio
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from types import CodeType, FrameType
from typing import Any, NoReturn

from sqlalchemy import Connection, text

from support.account_sync import Script, drain_of
from syncline.jobs.drain import DrainLimits
from syncline.jobs.work import Ended, Work
from syncline.model.session import Tally
from syncline.store.engine import Store

__all__ = ["DrainVictims"]

_CONTEXT = multiprocessing.get_context("spawn")
_WATCHED = (
    f"syncline{os.sep}store{os.sep}job",
    f"syncline{os.sep}store{os.sep}account",
    f"syncline{os.sep}jobs{os.sep}",
)
LIMITS = DrainLimits(claim=4, most_claimed=4, lease_seconds=0.4, stop_seconds=0.1)


@dataclass(frozen=True, kw_only=True)
class _Run:
    url: str
    owner: str
    dies_after_lines: int | None


class DrainVictims:
    """A process that has loaded all that a drain needs, and forks one for each."""

    def __init__(self) -> None:
        self._ours, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_fork_each, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def run(self, url: str, owner: str, *, dies_after_lines: int | None = None) -> int | None:
        """Drain until nothing is due; the number of lines that it ran, None if it was killed."""
        self._ours.send(_Run(url=url, owner=owner, dies_after_lines=dies_after_lines))
        assert self._ours.poll(60), "the drain has not ended"
        status, lines = self._ours.recv()
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            return None
        assert status == 0, f"the drain ended with {os.waitstatus_to_exitcode(status)}"
        return int(lines)

    def close(self) -> None:
        """End the process."""
        self._ours.close()
        self._process.join()


def _fork_each(asked: Pipe) -> None:
    while True:
        try:
            run = asked.recv()
        except EOFError:
            return
        told, tell = _CONTEXT.Pipe(duplex=False)
        pid = os.fork()
        if pid == 0:
            _end_with(run, tell.send)
        tell.close()
        _, status = os.waitpid(pid, 0)
        asked.send((status, told.recv() if status == 0 else None))
        told.close()


def _end_with(run: _Run, tell: Callable[[int], object]) -> NoReturn:
    code = 1
    try:
        tell(_drain(run))
        code = 0
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(code)


def _drain(run: _Run) -> int:
    counter = _LineCounter(run.dies_after_lines)
    store = Store(run.url)
    with store.read():
        pass  # what opening a database loads is not what is tried here
    threading.settrace(counter.trace)
    sys.settrace(counter.trace)
    try:
        asyncio.run(_dry(store, run.owner))
    finally:
        sys.settrace(None)
        threading.settrace(None)
    store.close()
    return counter.lines


async def _dry(store: Store, owner: str) -> None:
    await drain_of(store, Script(store=store, does=_sync), owner=owner, limits=LIMITS).run_dry()


async def _sync(script: Script, works: Sequence[Work]) -> AsyncIterator[Ended]:
    for work in works:
        end = script.end(work, writes=False)
        yield Ended(account=end.account, end=end.end, write=_Row(work))


@dataclass(frozen=True)
class _Row:
    """Writes a row for the end of a job, with the job's claim: a second one for the same claim is refused."""

    work: Work

    def __call__(self, connection: Connection) -> Tally:
        job = self.work.job
        values = {"name": self.work.account.external_id, "job": job.id, "fence": job.fence}
        connection.execute(text("INSERT INTO rows_of_ends VALUES (:name, :job, :fence)"), values)
        return Tally(processed=1, created=1)


class _LineCounter:
    """Counts the lines that run in the watched files, and kills this process at one of them."""

    def __init__(self, dies_after: int | None) -> None:
        self.lines = 0
        self._dies_after = dies_after
        self._watched: dict[CodeType, bool] = {}

    def trace(self, frame: FrameType, event: str, argument: object) -> Any:  # noqa: ANN401 - `sys.settrace`'s protocol
        """`sys.settrace`'s protocol: follow only the watched files."""
        del argument
        code = frame.f_code
        if code not in self._watched:
            self._watched[code] = any(part in code.co_filename for part in _WATCHED)
        if not self._watched[code]:
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self._dies_after:
                os.kill(os.getpid(), signal.SIGKILL)
        return self.trace
