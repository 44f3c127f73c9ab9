"""The command line: what its help lists, and how a line of it is run. A new command stands in `_COMMANDS`."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Annotated

import typer
import typer.main

from cli import console
from cli.errors import explain as complain
from cli.lazy_group import Entry, LazyGroup, tidy
from syncline.errors import SynclineError

__all__ = ["COMPLETE", "entries", "run"]

COMPLETE = "_SYNCLINE_COMPLETE"
"""The shell's completion sets this variable."""
_NO_SETTINGS = frozenset({"--help", "--version", "version", "--install-completion", "--show-completion"})
_COMMANDS = {
    "Run": "up sync",
    "Look": "status history explain metrics rejects sources audit alerts",
    "Steer": "start stop pause resume breaker checkpoint listings rounds",
    "Accounts": "accounts jobs",
    "Look after": "doctor new token prefect-password prune-history deploy apply-intervals version prefect db",
}
"""The commands by the heading under which `syncline --help` lists them; each is a function in a file of its name."""
_ELSEWHERE = {
    "start": "schedule",
    "stop": "schedule",
    "apply-intervals": "schedule",
    "pause": "holds",
    "resume": "holds",
}
"""Those that stand in a file of another name."""
_GROUPS = frozenset({"accounts", "alerts", "breaker", "checkpoint", "jobs", "listings", "rounds", "db"})
"""Those that have commands of their own: what `app()` of their file makes."""


def entries() -> list[Entry]:
    """All commands, in the order of the help."""
    return [_entry(panel, name) for panel, names in _COMMANDS.items() for name in names.split()]


def _entry(panel: str, name: str) -> Entry:
    function = name.replace("-", "_")
    return Entry(
        name=name,
        module=_ELSEWHERE.get(name, function),
        function="app" if name in _GROUPS else function,
        panel=panel,
        passes_on=name == "prefect",
    )


def run(arguments: Sequence[str]) -> int:
    """Run one command line; whatever goes wrong becomes one line on stderr.

    Returns:
        The exit code: 0 done, 1 failed, 2 wrong use or setting, 75 not now (skipped or deferred), 130 Ctrl-C.
    """
    debug = "--debug" in arguments or os.environ.get("SYNCLINE_DEBUG", "0") not in {"", "0", "false"}
    rest = [argument for argument in arguments if argument != "--debug"]
    _warn_of_typos(rest)
    try:
        code: object = _command_line()(rest, prog_name="syncline", standalone_mode=False)
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - the last place that can say it in one line
        return complain(error, debug=debug)
    return code if isinstance(code, int) else 0


def _command_line() -> Callable[..., object]:
    """The command line, of which no command is read yet."""
    made = typer.Typer(name="syncline", cls=LazyGroup, pretty_exceptions_enable=False)
    made.callback(invoke_without_command=True)(_root)
    root = typer.main.get_command(made)
    assert isinstance(root, LazyGroup)
    tidy(root)
    root.have(entries())
    return root


def _warn_of_typos(arguments: Sequence[str]) -> None:
    """Say on stderr which variables look like settings and are none; a fault of settings is the command's to tell."""
    if not arguments or not _NO_SETTINGS.isdisjoint(arguments) or COMPLETE in os.environ:
        return
    from syncline.settings import load_settings, misspelt  # noqa: PLC0415 - --help and --version need none

    with suppress(SynclineError):
        for sentence in misspelt(load_settings()):
            console.warn(f"syncline: {sentence}")


def _root(
    context: typer.Context,
    *,
    debug: Annotated[  # read by `run`, which also sees what is raised before this
        bool, typer.Option("--debug", help="Show the traceback of an error.", envvar="SYNCLINE_DEBUG")
    ] = False,
    show_version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Keeps your database up to date with other people's rate-limited APIs."""
    del debug
    if show_version:
        import_module("cli.version").version()
        raise typer.Exit
    if context.invoked_subcommand is None:
        console.line(context.get_help())
        raise typer.Exit
