"""What a session's fate looks like in a terminal, and what exit code it means."""

from rich.text import Text

from syncline.model.session import Status, SyncSession

__all__ = ["NOT_NOW", "exit_code", "fate", "why"]

NOT_NOW = 75
"""EX_TEMPFAIL of sysexits.h: nothing is wrong, try again later."""

_STYLES = {
    Status.RUNNING: "cyan",
    Status.COMPLETED: "green",
    Status.PARTIAL: "yellow",
    Status.FAILED: "bold red",
    Status.SKIPPED: "bright_black",
    Status.DEFERRED: "blue",
    Status.CANCELLED: "magenta",
    Status.CRASHED: "bold red",
    Status.MISSED: "bright_black",
}
_EXIT_CODES = {
    Status.COMPLETED: 0,
    Status.PARTIAL: 0,
    Status.SKIPPED: NOT_NOW,
    Status.DEFERRED: NOT_NOW,
    Status.MISSED: NOT_NOW,
}


def fate(status: Status) -> Text:
    """The fate's word in its colour."""
    return Text(status.value, style=_STYLES[status])


def exit_code(status: Status) -> int:
    """The exit code of a run that ended so: 0 done, 75 not now, 1 anything else."""
    return _EXIT_CODES.get(status, 1)


def why(session: SyncSession) -> str:
    """Why it ended as it did: the reason, or else the error, on one line; empty where there is nothing to say."""
    error = ": ".join(part for part in (session.error_type, session.error_message) if part)
    return " ".join((session.reason or error).split())
