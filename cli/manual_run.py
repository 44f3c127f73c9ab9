"""A run here and now: the flow in this process, its progress on stderr, its end as one line and an exit code."""

import signal
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from types import FrameType

from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from cli import console, outcomes, registry
from cli.declared import known_name
from cli.errors import INTERRUPTED
from cli.instance import Instance, is_there, make_home, unchecked
from cli.progress import Reading, read, shown
from cli.records import as_object
from cli.tables import number
from syncline.errors import SynclineError
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession
from syncline.model.source import named
from syncline.model.tables import Hold
from syncline.model.target import Target
from syncline.status.history import NEVER_RAN
from syncline.store import holds
from syncline.words import counted, iso_instant, lasted

__all__ = ["RunRequest", "Runner", "hint", "manual_run", "summary", "watched"]


_ENDING = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What is to be run.

    Attributes:
        source: the source's name.
        mode: everything, or what changed.
        force: whether to delete what is gone, however much it is.
        account_id: one account of the source, "" for the source itself.
        parameters: what its flow is called with beyond that.
    """

    source: str
    mode: Mode = Mode.INCREMENTAL
    force: bool = False
    account_id: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict[str, object])


Runner = Callable[[Instance, RunRequest, Event], SyncSession]
"""Runs a flow to its end, or until the event is set, and gives its session back."""


def manual_run(request: RunRequest, *, as_json: bool) -> int:
    """Run, showing how it goes; returns the exit code."""
    with unchecked() as instance:
        hold = _hold(instance, request)
        if hold is None:
            return watched(instance, request, run=_here, as_json=as_json)
    until = "until `syncline resume`" if hold.expires_at is None else f"until {iso_instant(hold.expires_at)}"
    every = "all sources are" if hold.source == holds.EVERY_SOURCE else f"{request.source} is"
    sentence = f"{every} held by {hold.created_by} {until}: {hold.reason}; nothing was run"
    if as_json:
        console.write_json({"source": request.source, "status": "held", "reason": sentence, "hold": as_object(hold)})
    else:
        console.warn(sentence)
    return outcomes.NOT_NOW


def _hold(instance: Instance, request: RunRequest) -> Hold | None:
    """The hold that stands in the way of the run; a database that cannot be read is told by the run itself."""
    if not is_there(instance.store):
        return None
    try:
        name = known_name(instance.settings, request.source)
        with instance.store.read() as connection:
            return holds.active(connection, Target(name, request.account_id), now=instance.now())
    except (SynclineError, SQLAlchemyError):
        return None


def watched(instance: Instance, request: RunRequest, *, run: Runner, as_json: bool) -> int:
    """Run with a progress bar beside it, then print the summary; returns the exit code."""
    since = instance.now()

    def look() -> Reading | None:
        if not is_there(instance.store):
            return None
        return read(instance.store, Target(_own_name(request.source), request.account_id), since=since)

    with _interrupted() as cancelled:
        try:
            with shown(request.source, look):
                session = run(instance, request, cancelled)
        except Exception as error:
            if cancelled.is_set():  # what breaks then, breaks because of it
                raise KeyboardInterrupt from error
            raise
    _tell(session, as_json=as_json)
    return INTERRUPTED if cancelled.is_set() else outcomes.exit_code(session.status)


def _own_name(source: str) -> str:
    """The name under which the session stands: an alias is known once the run has loaded `flows/`."""
    if "flows.registry" not in sys.modules:
        return source
    found = named(registry.every(), source)
    return source if found is None else found.name


@contextmanager
def _interrupted() -> Generator[Event]:
    """An event that the first Ctrl-C sets, so that the run can end in order; the second one ends it at once.

    So do the signals by which the system asks a process to end.
    """
    event = Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        if event.is_set():
            raise KeyboardInterrupt
        event.set()
        console.warn("stopping … (Ctrl-C again ends it at once)")

    before = {number: signal.signal(number, interrupt) for number in _ENDING}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _here(instance: Instance, request: RunRequest, cancelled: Event) -> SyncSession:
    from deployments.local import run_once  # noqa: PLC0415 - prepares the environment before Prefect is loaded

    make_home(instance.settings)
    return run_once.run_once(
        instance.settings,
        request.source,
        mode=request.mode,
        force=request.force,
        account_id=request.account_id,
        parameters=request.parameters,
        cancelled=cancelled,
    )


def _tell(session: SyncSession, *, as_json: bool) -> None:
    if as_json:
        console.write_json(as_object(session))
    else:
        console.line(summary(session))
    advice = hint(session)
    if advice is not None:
        console.warn(advice)


def summary(session: SyncSession) -> Text:
    """One line: source, mode, outcome, pages, counts, duration, and the reason or error where there is one."""
    head = Text.assemble(f"{session.source} ({session.mode.value}) ", outcomes.outcome(session.status))
    parts = [] if session.status in NEVER_RAN else _counted(session)
    if session.status is not Status.PARTIAL and outcomes.why(session):
        parts.append(outcomes.why(session))
    return Text(" · ").join([head, *map(Text, parts)])


def _counted(session: SyncSession) -> list[str]:
    counts = [
        f"{number(session.items_created)} created",
        f"{number(session.items_updated)} updated",
        f"{number(session.items_unchanged)} unchanged",
        f"{number(session.items_deleted)} deleted",
    ]
    if session.items_rejected:
        counts.append(f"{number(session.items_rejected)} rejected")
    return [
        counted(session.pages_processed, "page"),
        ", ".join(counts),
        lasted(session.started_at, session.completed_at),
    ]


def hint(session: SyncSession) -> str | None:
    """What was left out, and how to see it; None where nothing was."""
    if session.status is Status.PARTIAL and outcomes.why(session):
        return outcomes.why(session)
    if not session.items_rejected:
        return None
    items = counted(session.items_rejected, "item")
    return f"rejected: {items}; see why with `syncline rejects {session.id}`"
