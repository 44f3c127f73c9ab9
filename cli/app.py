"""All commands of `syncline`, each in a module of this room with its name; a new one stands in `COMMANDS` or `GROUPS`.

A module is imported when its command is called.
"""

import inspect
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Annotated, Any

import typer
import typer.core
import typer.main

from cli import console
from cli.errors import explain as complain
from syncline.errors import SynclineError

__all__ = ["COMMANDS", "COMPLETE", "GROUPS", "app", "run"]

COMPLETE = "_SYNCLINE_COMPLETE"
"""The shell's completion sets this variable."""
_NO_SETTINGS = frozenset({"--help", "--version", "version", "--install-completion", "--show-completion"})
COMMANDS = {
    "Run": ("up", "sync"),
    "Look": ("status", "history", "explain", "metrics", "rejects", "sources", "audit"),
    "Steer": ("start", "stop", "pause", "resume"),
    "Look after": (
        "doctor",
        "new",
        "token",
        "prefect-password",
        "prune-history",
        "deploy",
        "apply-intervals",
        "version",
        "prefect",
    ),
}
"""The commands by the heading under which `syncline --help` lists them; each is a function of its module."""
GROUPS = {
    "Look": ("alerts",),
    "Steer": ("breaker", "checkpoint", "listings", "rounds"),
    "Look after": ("db",),
}
"""Commands that have commands of their own: what `app()` of their module makes."""
_PASSES_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": list[str]()}
"""Of `syncline prefect`, whose arguments are Prefect's."""


def app(only: str | None = None) -> typer.Typer:
    """The command line, put together; with the name of a command, that one alone."""
    made = typer.Typer(name="syncline", pretty_exceptions_enable=False)
    made.callback(invoke_without_command=True)(_root)
    for panel, name in _chosen(COMMANDS, only):
        settings = _PASSES_ON if name == "prefect" else None
        made.command(name, rich_help_panel=panel, context_settings=settings)(_named(name))
    for panel, name in _chosen(GROUPS, only):
        made.add_typer(_named(name, "app")(), name=name, rich_help_panel=panel)
    _fold(made)
    return made


def _chosen(panels: dict[str, tuple[str, ...]], only: str | None) -> Iterator[tuple[str, str]]:
    return ((panel, name) for panel, names in panels.items() for name in names if only in {None, name})


def _named(command: str, function: str | None = None) -> Callable[..., Any]:
    """The function of the command's module; unsaid, the one with its name."""
    module = command.replace("-", "_")
    found: Callable[..., Any] = getattr(import_module(f"cli.{module}"), function or module)
    return found


def _called(arguments: Sequence[str]) -> str | None:
    """The command that is called, or whose arguments the shell completes; None where all are to be known."""
    word = arguments[0] if arguments else ""
    if COMPLETE in os.environ:
        line = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS", "")
        _program, word, *rest = [*line.split(" "), ""]
        word = word if len(rest) > 1 else ""  # else the command itself is being written
    return word if any(word in names for panels in (COMMANDS, GROUPS) for names in panels.values()) else None


def _fold(commands: typer.Typer) -> None:
    """Let the help of each command be broken where the terminal ends, and not where its docstring's lines do."""
    for command in commands.registered_commands:
        text = inspect.getdoc(command.callback) or ""
        command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    for group in commands.registered_groups:
        if group.typer_instance is not None:
            _fold(group.typer_instance)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; whatever goes wrong becomes one line on stderr.

    Returns:
        The exit code: 0 done, 1 failed, 2 wrong use or setting, 75 not now (skipped or deferred), 130 Ctrl-C.
    """
    debug = "--debug" in arguments or os.environ.get("SYNCLINE_DEBUG", "0") not in {"", "0", "false"}
    rest = [argument for argument in arguments if argument != "--debug"]
    _warn_of_typos(rest)
    try:
        code: object = _command(rest)(rest, prog_name="syncline", standalone_mode=False)
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - the last place that can say it in one line
        return complain(error, debug=debug)
    return code if isinstance(code, int) else 0


def _command(arguments: Sequence[str]) -> Callable[..., object]:
    """The command line, whose flags take no value, and show none: Typer would write `<bool>` beside each."""
    found = [typer.main.get_command(app(_called(arguments)))]
    for command in found:
        options = [*command.params, command.get_help_option(typer.Context(command, **command.context_settings))]
        for option in options:
            if isinstance(option, typer.core.TyperOption) and option.is_flag:
                option.metavar = ""
        if isinstance(command, typer.core.TyperGroup):
            found += command.commands.values()
    return found[0]


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
    """Keeps your database in step with other people's rate-limited APIs."""
    del debug
    if show_version:
        _named("version")()
        raise typer.Exit
    if context.invoked_subcommand is None:
        console.line(context.get_help())
        raise typer.Exit
