"""Groups of commands. The outer one knows where each command is; `cli.declarations` reads it from there."""

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import typer
import typer.core
import typer.main

from cli import console
from cli.declarations import declared, text_of

__all__ = ["Entry", "LazyGroup", "group", "tidy"]

Command = typer.core.TyperCommand | typer.core.TyperGroup


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Where a command is.

    Attributes:
        name: as it is typed.
        module: the module of this room that has it.
        function: what runs it; of a group `app`, which makes it. Its docstring is the command's help.
        panel: the heading under which the help lists it.
        passes_on: whether its arguments are another program's.
    """

    name: str
    module: str
    function: str
    panel: str
    passes_on: bool = False


class LazyGroup(typer.core.TyperGroup):
    """A group that reads the declaration of the command that is called, and of the others the text at most."""

    entries: Mapping[str, Entry]

    def have(self, entries: Iterable[Entry]) -> None:
        """Take these commands, in this order."""
        self.entries = {entry.name: entry for entry in entries}
        for one in self.entries.values():
            self.commands[one.name] = typer.core.TyperCommand(one.name, rich_help_panel=one.panel)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - Typer's own classes are private
        """All names, for the help or for the shell's completion, which both show the commands' texts."""
        for name, entry in self.entries.items():
            if self.commands[name].help is None:
                self.commands[name].help = _folded(text_of(entry.module, entry.function))
        return super().list_commands(ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - the same
        """The command that is called; the completion of its arguments asks for it here too."""
        entry = self.entries.get(args[0])
        if entry is not None:
            self.commands[entry.name] = _made(entry)
        return super().resolve_command(ctx, args)


def _made(entry: Entry) -> Command:
    function = declared(entry.module, entry.function)
    made = typer.main.get_group(function()) if entry.function == "app" else _command(entry, function)
    made.name, made.help = entry.name, inspect.getdoc(function)
    tidy(made)
    return made


def _command(entry: Entry, function: Callable[..., Any]) -> Command:
    alone = typer.Typer(add_completion=False)
    settings = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": list[str]()}
    alone.command(entry.name, context_settings=settings if entry.passes_on else None)(function)
    command = typer.main.get_command(alone)
    assert isinstance(command, typer.core.TyperCommand)
    return command


def group(commands: Mapping[str, Callable[..., Any]], *, no_args_is_help: Collection[str] = ()) -> typer.Typer:
    """A group with these commands. It prints its help where none of them is named, as those of `no_args_is_help` do."""
    made = typer.Typer()
    made.callback(invoke_without_command=True)(_help)
    for name, function in commands.items():
        made.command(name, no_args_is_help=name in no_args_is_help)(function)
    return made


def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        console.line(context.get_help())
        raise typer.Exit


def tidy(command: Command) -> None:
    """Fold its help, and show no type beside flags, as if a value had to follow; the same of all commands within."""
    command.help = _folded(command.help or "")
    for option in [*command.params, command.get_help_option(typer.Context(command, **command.context_settings))]:
        if isinstance(option, typer.core.TyperOption) and option.is_flag:
            option.metavar = ""
    for inner in command.commands.values() if isinstance(command, typer.core.TyperGroup) else ():
        assert isinstance(inner, Command)
        tidy(inner)


def _folded(text: str) -> str:
    """The text without the ends of a docstring's lines: paragraphs are broken where the terminal ends."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
