"""`syncline jobs`: the queue and the dead letters of accounts' jobs, looked at, retried and dropped."""

from typing import Annotated, Literal, TypeAlias

import typer

from cli import jobs_change, jobs_table
from cli.lazy_group import group
from cli.options import AsJson

__all__ = ["app"]

Id: TypeAlias = Annotated[int, typer.Argument(metavar="JOB", min=1, help="Its number.", show_default=False)]
Ids: TypeAlias = Annotated[
    list[int] | None, typer.Argument(metavar="[JOB]…", min=1, help="Their numbers.", show_default=False)
]
AllFailed: TypeAlias = Annotated[bool, typer.Option("--all-failed", help="All dead letters, after a question.")]
OfSource: TypeAlias = Annotated[
    str | None, typer.Option("--source", metavar="SOURCE", help="Only those of this source.", show_default=False)
]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", help="Ask no question.")]


def app() -> typer.Typer:
    """See which syncs of accounts wait, are under way or were given up; retry or drop those."""
    commands = {"list": list_, "show": show, "explain": explain, "retry": retry, "drop": drop}
    return group(commands, no_args_is_help=set(commands) - {"list"})


def list_(
    *,
    status: Annotated[
        Literal["queued", "processing", "failed"] | None, typer.Option(help="Only those.", show_default=False)
    ] = None,
    source: OfSource = None,
    user: Annotated[str | None, typer.Option(metavar="USER", help="Only this user's.", show_default=False)] = None,
    account: Annotated[
        str | None, typer.Option(metavar="ACCOUNT", help="Only this account's.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 50,
    after: Annotated[int, typer.Option(metavar="JOB", min=0, help="Only those behind this one.")] = 0,
    as_json: AsJson = False,
) -> None:
    """List the jobs that wait, are under way, or were given up, the oldest first."""
    wanted = {"status": status, "source": source, "user_id": user, "account_id": account}
    jobs_table.listed(wanted, limit=limit, after=after, as_json=as_json)


def show(job: Id, *, as_json: AsJson = False) -> None:
    """Show all that is known of a job; one that is gone is told from the session that it left."""
    jobs_table.show(job, as_json=as_json)


def explain(job: Id, *, as_json: AsJson = False) -> None:
    """Say in sentences why a job is where it is: when it is due, behind how many, and what stops it."""
    jobs_table.explain(job, as_json=as_json)


def retry(jobs: Ids = None, *, all_failed: AllFailed = False, source: OfSource = None, yes: Yes = False) -> None:
    """Queue dead letters again, before all others. Exits with 1 if one could not be."""
    raise typer.Exit(jobs_change.retry(jobs or [], all_failed=all_failed, source=source, yes=yes))


def drop(jobs: Ids = None, *, all_failed: AllFailed = False, source: OfSource = None, yes: Yes = False) -> None:
    """Delete dead letters; their accounts are synced again when they are due. Exits with 1 if one could not be."""
    raise typer.Exit(jobs_change.drop(jobs or [], all_failed=all_failed, source=source, yes=yes))
