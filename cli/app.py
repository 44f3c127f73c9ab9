"""All commands of `syncline`, each in a file of its own; a new one is imported here and stands in `COMMANDS`."""

import inspect
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated

import typer
import typer.core
import typer.main

from cli import (
    alerts,
    apply_intervals,
    audit,
    breaker,
    checkpoint,
    console,
    db,
    deploy,
    doctor,
    explain,
    history,
    listings,
    metrics,
    new,
    pause,
    prefect,
    prefect_password,
    prune_history,
    rejects,
    resume,
    rounds,
    sources,
    start,
    status,
    stop,
    sync,
    token,
    up,
    version,
)
from cli.complaints import explain as complain
from syncline.errors import SynclineError

__all__ = ["app", "run"]

COMPLETE = "_SYNCLINE_COMPLETE"
"""The shell's completion sets this variable."""
_NO_SETTINGS = frozenset({"--help", "--version", "version", "--install-completion", "--show-completion"})
COMMANDS = {
    "Run": {"up": up.up, "sync": sync.sync},
    "Look": {
        "status": status.status,
        "history": history.history,
        "explain": explain.explain,
        "metrics": metrics.metrics,
        "rejects": rejects.rejects,
        "sources": sources.sources,
        "audit": audit.audit,
    },
    "Steer": {"start": start.start, "stop": stop.stop, "pause": pause.pause, "resume": resume.resume},
    "Look after": {
        "doctor": doctor.doctor,
        "new": new.new,
        "token": token.token,
        "prefect-password": prefect_password.prefect_password,
        "prune-history": prune_history.prune_history,
        "deploy": deploy.deploy,
        "apply-intervals": apply_intervals.apply_intervals,
        "version": version.version,
    },
}
"""The commands by the heading under which `syncline --help` lists them."""


def app() -> typer.Typer:
    """The command line, put together."""
    made = typer.Typer(name="syncline", pretty_exceptions_enable=False)
    made.callback(invoke_without_command=True)(_root)
    for panel, commands in COMMANDS.items():
        for name, command in commands.items():
            made.command(name, rich_help_panel=panel)(command)
    made.add_typer(alerts.app(), name="alerts", rich_help_panel="Look")
    made.command(
        "prefect",
        rich_help_panel="Look after",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    )(prefect.prefect)
    made.add_typer(breaker.app(), name="breaker", rich_help_panel="Steer")
    made.add_typer(checkpoint.app(), name="checkpoint", rich_help_panel="Steer")
    made.add_typer(listings.app(), name="listings", rich_help_panel="Steer")
    made.add_typer(rounds.app(), name="rounds", rich_help_panel="Steer")
    made.add_typer(db.app(), name="db", rich_help_panel="Look after")
    _fold(made)
    return made


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
        code: object = _command()(rest, prog_name="syncline", standalone_mode=False)
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - the last place that can say it in one line
        return complain(error, debug=debug)
    return code if isinstance(code, int) else 0


def _command() -> Callable[..., object]:
    """The command line, whose flags take no value, and show none: Typer would write `<bool>` beside each."""
    found = [typer.main.get_command(app())]
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
        version.version()
        raise typer.Exit
    if context.invoked_subcommand is None:
        console.line(context.get_help())
        raise typer.Exit
