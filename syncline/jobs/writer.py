"""Writing how jobs ended: all ends that are there by one transaction; one that cannot be written harms no other."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence

from syncline.errors import DatabaseUnavailableError
from syncline.jobs.batches import Batches, failed
from syncline.jobs.due import Freshness
from syncline.jobs.finish import Finished, Intervals, finish
from syncline.jobs.work import Ended, Work
from syncline.store.engine import Store

__all__ = ["Writer"]

_log = logging.getLogger("syncline.jobs")
_AT_ONCE = 100


class Writer:
    """Takes ends out of `batches` and writes them."""

    def __init__(
        self,
        store: Store,
        policies: Mapping[str, Freshness],
        *,
        slot: int,
        intervals: Intervals | None,
        patience_seconds: float,
        pause_seconds: float,
    ) -> None:
        """Write to `store`; arguments as of `syncline.jobs.drain.Drain`.

        While the database is away, ends wait for it for `patience_seconds`, with such a pause between two tries.
        """
        self._store, self._policies, self._slot, self._intervals = store, policies, slot, intervals
        self._patience_seconds, self._pause_seconds = patience_seconds, pause_seconds

    async def write(self, batches: Batches, on_written: Callable[[Sequence[Ended], Finished], None]) -> None:
        """Write ends as they come, until it is cancelled; `on_written` hears what came of them."""
        queue = batches.ended
        while True:
            ends = [await queue.get()]
            while len(ends) < _AT_ONCE and not queue.empty():
                ends.append(queue.get_nowait())
            for written, finished in await self._write_all(ends):
                on_written(written, finished)
            batches.written([one.end.job for one in ends])
            for _ in ends:
                queue.task_done()

    async def _write_all(self, ends: Sequence[Ended]) -> list[tuple[Sequence[Ended], Finished]]:
        try:
            return [(ends, await self._write_patiently(ends))]
        except DatabaseUnavailableError as error:
            _log.warning("%d ends were not written, their jobs are done again: %s", len(ends), error)
            return []
        except Exception as error:  # noqa: BLE001 - whatever a connector's rows did to the transaction
            if len(ends) > 1:
                return [done for one in ends for done in await self._write_all([one])]
            return await self._write_failure(ends[0], error)

    async def _write_failure(self, ended: Ended, error: Exception) -> list[tuple[Sequence[Ended], Finished]]:
        """Write that the rows of an account could not be written; where that fails as well, its lease expires."""
        _log.error("the rows of account %s cannot be written: %s", ended.account.id, type(error).__name__)
        work = Work(job=ended.end.job, account=ended.account)
        instead = failed(work, error, began_us=ended.end.began_us, ended_us=ended.end.ended_us)
        try:
            return [([instead], await self._write_patiently([instead]))]
        except Exception:  # noqa: BLE001 - the others' ends must still be written
            _log.exception("the end of job %s cannot be written; it is done again", ended.end.job.id)
            return []

    async def _write_patiently(self, ends: Sequence[Ended]) -> Finished:
        """Write them as soon as the database is there: what was read for them would be asked for again else."""
        loop = asyncio.get_running_loop()
        gives_up = loop.time() + self._patience_seconds
        while True:
            try:
                return await asyncio.to_thread(self._write, ends)
            except DatabaseUnavailableError:
                if loop.time() >= gives_up:
                    raise
            await asyncio.sleep(self._pause_seconds)

    def _write(self, ends: Sequence[Ended]) -> Finished:
        return self._store.transact(
            lambda connection: finish(
                connection,
                ends,
                policies=self._policies,
                random=random.random,
                now=self._store.now(connection),
                slot=self._slot,
                intervals=self._intervals,
            )
        )
