"""What a session's status and a source's state look like in a terminal, and what exit code a status means."""

from rich.text import Text

from syncline.model.session import Status, SyncSession
from syncline.status.report import State
from syncline.words import unheard_of

__all__ = ["NOT_NOW", "exit_code", "outcome", "state_text", "why"]

NOT_NOW = 75
"""EX_TEMPFAIL of sysexits.h: nothing is wrong, try again later."""
_NEUTRAL = ""


def outcome(status: Status) -> Text:
    """The status's word in its colour."""
    return Text(status.value, style=_status_style(status))


def state_text(state: State) -> Text:
    """The state's word in its colour."""
    return Text(state.value, style=_state_style(state))


def exit_code(status: Status) -> int:
    """The exit code of a run that ended so: 0 done, 75 not now, 1 anything else."""
    match status:
        case Status.COMPLETED | Status.PARTIAL:
            return 0
        case Status.SKIPPED | Status.DEFERRED | Status.MISSED:
            return NOT_NOW
        case Status.RUNNING | Status.FAILED | Status.CANCELLED | Status.CRASHED:
            return 1
    unheard_of(status)
    return 1


def why(session: SyncSession) -> str:
    """Why it ended as it did: the reason, or else the error, on one line; empty where there is nothing to say."""
    error = ": ".join(part for part in (session.error_type, session.error_message) if part)
    return " ".join((session.reason or error).split())


def _status_style(status: Status) -> str:  # noqa: PLR0911 - a line for each
    match status:
        case Status.COMPLETED:
            return "green"
        case Status.RUNNING:
            return "cyan"
        case Status.PARTIAL | Status.CANCELLED:
            return "yellow"
        case Status.FAILED | Status.CRASHED:
            return "bold red"
        case Status.DEFERRED:
            return "blue"
        case Status.SKIPPED | Status.MISSED:
            return "bright_black"
    unheard_of(status)
    return _NEUTRAL


def _state_style(state: State) -> str:  # noqa: PLR0911 - a line for each
    match state:
        case State.UP_TO_DATE:
            return "green"
        case State.RUNNING:
            return "cyan"
        case State.WAITING | State.DEFERRED:
            return "blue"
        case State.FAILING | State.STALLED:
            return "bold red"
        case State.PAUSED | State.DEGRADED | State.PARTIAL | State.LATE | State.CANCELLED | State.UNKNOWN:
            return "yellow"
        case State.NEW | State.STOPPED | State.NOT_SET_UP:
            return "bright_black"
    unheard_of(state)
    return _NEUTRAL
