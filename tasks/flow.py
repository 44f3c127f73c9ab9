"""`sync_flow`: makes a Prefect flow of a source and a sentence that says how it is brought up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial, wraps
from types import CoroutineType
from typing import Any, ParamSpec

from prefect import Flow
from prefect.client.schemas.objects import State
from prefect.logging import get_logger
from prefect.states import Completed

from syncline import results
from syncline.admission.wait import patience_seconds
from syncline.collector import pass_over_imports
from syncline.errors import MostlyRejectedError
from syncline.model.session import Status, SyncSession, Tally
from syncline.model.source import Source
from syncline.passes import closing
from syncline.store import sessions
from tasks.context import open_store
from tasks.deferral import schedule_retry
from tasks.due import current_flow_run, flow_name, wait_for_jitter
from tasks.early_end import EarlyEnd, EndRun
from tasks.flow_hooks import close_cancelled, close_completed, close_crashed, close_failed
from tasks.progress import show_summary
from tasks.run import Run, entered
from tasks.session_closing import tell_failure
from tasks.stopping import RunTimedOutError, close_stopped, overdue, watchdog_for
from tasks.telling import TELL_SECONDS, prefect_answers, wait_for_prefect
from tasks.watchdog import Watchdog

__all__ = ["SyncFlow", "sync_flow"]

P = ParamSpec("P")

_BACKSTOP_SECONDS = 30
"""How long ours has to end the run, before it waits for Prefect's server."""


class SyncFlow(Flow[P, "CoroutineType[Any, Any, State[Tally]]"]):
    """A Prefect flow that knows its source.

    Attributes:
        source: whose work it does.
    """

    def __init__(self, source: Source, conducted: Callable[P, CoroutineType[Any, Any, State[Tally]]]) -> None:
        """Make the flow `sync-NAME` that runs `conducted`, with the hooks that close its session."""
        self.source = source
        results.register_callbacks(source)
        super().__init__(
            conducted,
            name=flow_name(source.name),
            flow_run_name=f"{source.name}-{{mode}}" if source.dataset is not None else source.name,
            timeout_seconds=_backstop_seconds(source),
            persist_result=False,
            on_completion=[close_completed],
            on_failure=[close_failed],
            on_crashed=[close_crashed],
            on_cancellation=[close_cancelled],
        )


def _backstop_seconds(source: Source) -> float:
    """When Prefect's own timeout ends a run that ours (`tasks.watchdog`) could not end."""
    return source.jitter_seconds + patience_seconds(source) + source.timeout_seconds + _BACKSTOP_SECONDS + TELL_SECONDS


def sync_flow(source: Source) -> Callable[[Callable[P, Awaitable[Tally]]], SyncFlow[P]]:
    """Make the flow `sync-NAME` of an async function that brings `source` up to date, or does its work.

    The function calls `admit` first. That of a `Source` takes `mode`, and `force` if it prunes. The flow run ends
    Completed with a name that says what became of it (Completed, Partial, Skipped, Missed, Deferred) and a message of
    counts or the reason.
    """

    def decorate(sentence: Callable[P, Awaitable[Tally]]) -> SyncFlow[P]:
        @wraps(sentence)
        async def conducted(*args: P.args, **kwargs: P.kwargs) -> State[Tally]:
            return await _conduct(source, partial(sentence, *args, **kwargs))

        return SyncFlow(source, conducted)

    return decorate


async def _conduct(source: Source, sentence: Callable[[], Awaitable[Tally]]) -> State[Tally]:
    """Run the sentence; Prefect hears of the end once its server answers, and nothing is held by then."""
    pass_over_imports()
    results.register_callbacks(source)  # a flow that came by pickle did not run its module
    store = open_store()
    await wait_for_jitter(source, store.clock)
    run = Run(source=source, store=store, stack=AsyncExitStack())
    try:
        state = await _worked(run, sentence)
    except Exception as error:
        await _told_of_failure(run, error)
        raise
    if run.session_id and not run.answered:
        await wait_for_prefect()
    return state


async def _worked(run: Run, sentence: Callable[[], Awaitable[Tally]]) -> State[Tally]:
    """Run the sentence; what it holds is given back before its session is closed."""
    source = run.source
    async with run.last:
        async with run.stack:
            run.end = run.last.enter_context(watchdog_for(run, current_flow_run()))
            run.end.set_deadline(source.timeout_seconds + patience_seconds(source), overdue(source))
            with entered(run):
                outcome = await _outcome(run.end, sentence)
        return await (_stopped(run, outcome) if isinstance(outcome, EarlyEnd) else _completed(run, outcome))


async def _told_of_failure(run: Run, error: Exception) -> None:
    """Close the session of a run that failed while Prefect's server is away, which calls no hook before it answers."""
    if not run.session_id or await prefect_answers():
        return
    try:
        failed = EarlyEnd(
            status=Status.FAILED, reason=str(error), error=(type(error).__name__, str(error) or repr(error))
        )
        await asyncio.to_thread(close_stopped, run, failed)
    except Exception:  # noqa: BLE001 - the error of the run itself says more; the session is closed by the next one
        get_logger("syncline").warning("the session %s was not closed", run.session_id, exc_info=True)
    await wait_for_prefect()


async def _outcome(end: Watchdog, sentence: Callable[[], Awaitable[Tally]]) -> Tally | EarlyEnd:
    """What the sentence counted, or why it stopped; whatever comes of work that was ended from outside is its end."""
    try:
        async with end.work():
            return await sentence()
    except EndRun as stopped:
        return end.stop or stopped.end
    except Exception:
        if end.stop is None:
            raise
        return end.stop


async def _stopped(run: Run, stop: EarlyEnd) -> State[Tally]:
    """Close a run that was admitted and then had to stop; one that was not admitted has its record already.

    Raises:
        RunTimedOutError: its time was over; Prefect's state then is the one of its own timeout.
    """
    if run.session_id:
        close_stopped(run, stop)
        run.answered = await show_summary(run.store, run.session_id)
        await schedule_retry(run.store, run.source.name, run.session_id, stop)
    if stop.status is Status.FAILED:
        raise RunTimedOutError(stop.reason)
    return Completed(name=stop.status.capitalize(), message=stop.reason, data=Tally())


async def _completed(run: Run, tally: Tally) -> State[Tally]:
    """Close a run whose work is done.

    Raises:
        MostlyRejectedError: the session failed, because most items do not fit.
    """
    status = closing.complete(run.store, run.session_id)
    run.answered = await show_summary(run.store, run.session_id)
    with run.store.read() as connection:
        session = sessions.find(connection, run.session_id)
    if session is not None and session.status is Status.FAILED:
        tell_failure(session)
        raise MostlyRejectedError(session.reason or "most items were rejected", upstream=run.source.upstream.name)
    message = _sentence(session) if session is not None else ""
    name = "Completed" if status is Status.COMPLETED else status.capitalize()
    return Completed(name=name, message=message, data=tally)


def _sentence(session: SyncSession) -> str:
    """The session's counters in words, without those that are zero, and the reason where there is one."""
    counted = {
        "created": session.items_created,
        "updated": session.items_updated,
        "unchanged": session.items_unchanged,
        "deleted": session.items_deleted,
        "rejected": session.items_rejected,
    }
    parts = [f"{number} {name}" for name, number in counted.items() if number]
    text = f"{session.pages_processed} pages, {session.items_processed} items: {', '.join(parts) or 'nothing to do'}"
    return f"{text}; {session.reason}" if session.reason else text
