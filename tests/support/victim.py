"""A sync in a process of its own that kills itself (SIGKILL) after so many lines of the store and the passes."""

import asyncio
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from types import CodeType, FrameType
from typing import Any, NoReturn

from pydantic import SecretStr

from syncline.admission.admit import admit
from syncline.admission.due_run import DueRun
from syncline.erp.tables import Product
from syncline.model.dataset import Dataset
from syncline.model.policies import Mode
from syncline.model.session import Trigger
from syncline.model.source import Source
from syncline.model.upstream import Auth, Upstream
from syncline.passes.closing import complete
from syncline.passes.prune import prune
from syncline.passes.pull import pull
from syncline.settings import Settings, UpstreamSettings
from syncline.store.engine import Store
from syncline.upstreams.client import UpstreamClient
from syncline.upstreams.paging import Keyset
from syncline.upstreams.rest import RestPages

__all__ = ["Sync", "Victims", "counted", "to_death"]

_CONTEXT = multiprocessing.get_context("spawn")
_WATCHED = (f"syncline{os.sep}store{os.sep}", f"syncline{os.sep}passes{os.sep}")

_PRODUCTS = Source(
    name="products",
    upstream=Upstream(name="erp", auth=Auth.BEARER),
    dataset=Dataset(
        pages=RestPages(
            path="/erp/products",
            items="data",
            total="total",
            updated_since="updated_since",
            paging=Keyset(param="after", key="id", size="limit", page_size=15),
        ),
        table=Product,
        updated_field="updated_at",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Sync:
    """One run: against which database and upstream, and how much.

    Attributes:
        is_counted: whether its lines are counted, which makes it some times slower.
        dies_after_lines: after how many it dies; None: never.
    """

    database_url: str
    upstream_url: str
    token: str
    mode: Mode
    is_counted: bool = False
    dies_after_lines: int | None = None


class Victims:
    """A process that has loaded all that a sync needs, and forks one for each: loading takes longer than the sync."""

    def __init__(self) -> None:
        self._ours, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_fork_each, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def run(self, sync: Sync) -> int | None:
        """Run `sync` in a process of its own; the number of its lines (0: not counted), None if it was killed."""
        self._ours.send(sync)
        assert self._ours.poll(120), "the sync has not ended"
        status, lines = self._ours.recv()
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            return None
        assert status == 0, f"the sync ended with {os.waitstatus_to_exitcode(status)}"
        return int(lines)

    def close(self) -> None:
        """End the process."""
        self._ours.close()
        self._process.join()


def _fork_each(asked: Connection) -> None:
    """Fork for each sync that is asked for, and tell how its process ended; until nobody asks any more."""
    while True:
        try:
            sync = asked.recv()
        except EOFError:
            return
        told, tell = _CONTEXT.Pipe(duplex=False)
        pid = os.fork()
        if pid == 0:
            _end_with(sync, tell.send)
        tell.close()
        _, status = os.waitpid(pid, 0)
        asked.send((status, told.recv() if status == 0 else None))
        told.close()


def _end_with(sync: Sync, tell: Callable[[int], object]) -> NoReturn:
    """In the fork: run `sync` and end the process, without what only its parent has to clean up."""
    code = 1
    try:
        _attempt(sync, tell)
        code = 0
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(code)


def _attempt(sync: Sync, tell: Callable[[int], object]) -> None:
    if not sync.is_counted:
        _sync(sync)
        tell(0)
        return
    counter = _LineCounter(sync.dies_after_lines)
    threading.settrace(counter.trace)
    sys.settrace(counter.trace)
    try:
        _sync(sync)
    finally:
        sys.settrace(None)
        threading.settrace(None)
    tell(counter.lines)


def _sync(sync: Sync) -> None:
    store = Store(sync.database_url)
    settings = Settings(upstreams={"erp": UpstreamSettings(base_url=sync.upstream_url, token=SecretStr(sync.token))})
    admission = admit(store, _PRODUCTS, DueRun(trigger=Trigger.MANUAL, mode=sync.mode))
    assert admission.granted, admission.reason
    asyncio.run(_pull(store, settings, admission.session_id, admission.mode))
    prune(store, _PRODUCTS, admission.session_id)
    complete(store, admission.session_id)
    store.close()


async def _pull(store: Store, settings: Settings, session_id: str, mode: Mode) -> None:
    async with UpstreamClient(_PRODUCTS.upstream, settings) as client:
        await pull(store, _PRODUCTS, client, session_id, mode=mode)


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


def counted(sync: Sync) -> Sync:
    """The same run, whose lines are counted."""
    return replace(sync, is_counted=True)


def to_death(sync: Sync, lines: int) -> Sync:
    """The same run, dying after so many lines."""
    return replace(sync, is_counted=True, dies_after_lines=lines)
