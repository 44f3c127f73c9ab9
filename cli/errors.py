"""Errors as a user reads them: one line on stderr, and an exit code."""

import traceback
from difflib import get_close_matches

import typer

from cli import console
from syncline.errors import ConfigurationError, SynclineError, UnknownSourceError

__all__ = ["FAILED", "INTERRUPTED", "MISUSED", "TERMINATED", "explain"]

FAILED = 1
MISUSED = 2
"""A setting, an option or a file must be changed first."""
INTERRUPTED = 130
"""Ended by Ctrl-C: 128 + SIGINT, as a shell reports it."""

TERMINATED = 143
"""Ended from outside: 128 + SIGTERM."""


def explain(error: BaseException, *, debug: bool) -> int:
    """Say in one line what went wrong (with `debug`, where as well); returns the exit code."""
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        console.complain("stopped")
        return INTERRUPTED
    if not isinstance(error, Exception):  # as Prefect tells of SIGTERM
        console.complain("ended by a signal (SIGTERM)")
        return TERMINATED
    if debug:
        console.errors().print("".join(traceback.format_exception(error)), markup=False, soft_wrap=True, end="")
    console.complain(_text(error))
    return _code(error)


def _text(error: BaseException) -> str:
    if isinstance(error, typer.TyperException):
        return f"{_one_line(error.format_message())} (see `{_command(error)} --help`)"
    if isinstance(error, UnknownSourceError):
        nearest = get_close_matches(error.source.lower(), error.known, n=1)
        return f"{error}{f' (did you mean {nearest[0]}?)' if nearest else ''}"
    if isinstance(error, SynclineError):
        return _one_line(str(error) or type(error).__doc__ or type(error).__name__)
    return f"unexpected {type(error).__name__}: {_one_line(str(error)) or 'it says no more'} (`--debug` shows where)"


def _command(error: typer.TyperException) -> str:
    """The command that was misused, as it was typed."""
    context: object = getattr(error, "ctx", None)
    return str(getattr(context, "command_path", "syncline"))


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def _code(error: BaseException) -> int:
    if isinstance(error, typer.TyperException):
        return error.exit_code
    return MISUSED if isinstance(error, ConfigurationError) else FAILED
