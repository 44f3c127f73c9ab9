"""`syncline accounts`: adding, listing, steering and removing accounts, one at a time or from a file."""

from typing import Annotated, Literal, TypeAlias

import typer

from cli import accounts_import, accounts_show, accounts_table, registry
from cli.accounts_change import add_one, change_one, pause_one, remove_one, resume_one, touch_one
from cli.lazy_group import group
from cli.options import AsJson, MaybeSource, OneSource

__all__ = ["app"]

Id: TypeAlias = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="Its id, as `syncline accounts list` has it.", show_default=False)
]
User: TypeAlias = Annotated[
    str | None, typer.Option("--user", metavar="USER", help="Whose; you, unless named.", show_default=False)
]
Sets: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting; its value is JSON or text.", show_default=False),
]


def app() -> typer.Typer:
    """Add, list, steer and remove accounts: a user's wallet, or a calendar login."""
    commands = {"add": add, "list": list_, "show": show, "touch": touch, "settings": settings, "pause": pause}
    commands |= {"resume": resume, "remove": remove, "import": import_}
    return group(commands, no_args_is_help=set(commands) - {"list"})


def add(
    source: OneSource,
    external_id: Annotated[str, typer.Argument(metavar="EXTERNAL_ID", help="What its provider calls it.")],
    *,
    user: User = None,
    sets: Sets = None,
    as_json: AsJson = False,
) -> None:
    """Register an account, or find it, and queue its first sync before those of others."""
    add_one(registry.find(source), external_id, user=user, sets=sets or [], as_json=as_json)


def list_(
    source: MaybeSource = None,
    *,
    state: Annotated[
        Literal["active", "paused", "attention"] | None, typer.Option(help="Only those.", show_default=False)
    ] = None,
    user: Annotated[str | None, typer.Option(metavar="USER", help="Only this user's.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 50,
    after: Annotated[str, typer.Option(metavar="ACCOUNT", help="Only those behind this id.", show_default=False)] = "",
    as_json: AsJson = False,
) -> None:
    """List the accounts, the oldest first."""
    accounts_table.listed(source, state=state, user=user, limit=limit, after=after, as_json=as_json)


def show(account: Id, *, as_json: AsJson = False) -> None:
    """Show all that is known of an account: state, holds, jobs, sessions, when it is due, and what it holds."""
    accounts_show.show(account, as_json=as_json)


def touch(account: Id) -> None:
    """Say that the account's user is active: what somebody looks at is kept fresh."""
    touch_one(account)


def settings(
    account: Id,
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=VALUE]…", help="JSON or text; NAME= takes one away.", show_default=False),
    ] = None,
    *,
    version: Annotated[int | None, typer.Option(min=1, help="Refuse unless it still has this version.")] = None,
    as_json: AsJson = False,
) -> None:
    """Change settings of an account, such as frequency_seconds=600; without any, show them."""
    change_one(account, changes or [], version=version, as_json=as_json)


def pause(
    account: Id,
    *,
    reason: Annotated[str, typer.Option(help="Why, as its user will read it.", show_default=False)],
    lasting: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="DURATION", help="How long, such as 10m; else until resumed.", show_default=False
        ),
    ] = None,
) -> None:
    """Pause an account, as an operator; its user's own pause is another one."""
    pause_one(account, reason=reason, lasting=lasting)


def resume(
    account: Id,
    *,
    everyone: Annotated[bool, typer.Option("--all", help="End its user's own pause too.")] = False,
) -> None:
    """End the pauses of operators, and say that what needed attention is mended."""
    resume_one(account, everyone=everyone)


def remove(account: Id) -> None:
    """Remove an account: it is gone at once, and all that is stored of it is deleted."""
    remove_one(account)


def import_(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="CSV with a header, or JSON lines; - is stdin.")],
    *,
    source: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="Of lines that name none.", show_default=False)
    ] = None,
    user: Annotated[
        str | None, typer.Option(metavar="USER", help="Of lines that name none.", show_default=False)
    ] = None,
    kind: Annotated[
        Literal["csv", "jsonl"] | None, typer.Option("--format", help="By the file's name, unless named.")
    ] = None,
) -> None:
    """Add the accounts of a file; each bad line is named, the good ones are stored.

    The columns are external_id, user_id, source and settings. Their first syncs go behind all others. Exits with 1 if a
    line was bad; the same file again adds only what is missing.
    """
    raise typer.Exit(accounts_import.import_file(file, source=source, user=user, kind=kind))
