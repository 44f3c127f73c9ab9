"""`syncline listings`: looking at listings, and deciding which are shown; each says what became of it."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

import typer

from cli import console, listings_table
from cli.errors import FAILED
from cli.instance import Instance, actor, opened
from cli.lazy_group import group
from cli.options import AsJson, MaybeSource, OneSource
from syncline.errors import ConfigurationError
from syncline.listings.decisions import Decision, Outcome, decide
from syncline.listings.stored import Wanted
from syncline.model.items import ItemStatus

__all__ = ["app"]

Ids: TypeAlias = Annotated[
    list[str], typer.Argument(metavar="EXTERNAL_ID…", help="What the feed calls them.", show_default=False)
]
OfSource: TypeAlias = Annotated[str | None, typer.Option("--source", metavar="SOURCE", help="Only this feed's.")]
Status: TypeAlias = Literal["pending", "live", "rejected"]
Limit: TypeAlias = Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")]


def app() -> typer.Typer:
    """Look at listings, and decide which are shown."""
    commands = {"pending": pending, "approve": approve, "reject": reject, "show": show, "list": list_}
    return group(commands, no_args_is_help={"approve", "reject", "show"})


def pending(*, source: OfSource = None, limit: Limit = 50, as_json: AsJson = False) -> None:
    """List what waits for a decision, with the command that makes it."""
    listings_table.pending(source, limit=limit, as_json=as_json)


def approve(source: OneSource, external_ids: Ids) -> None:
    """Show these listings from now on, until they change.

    Exits with 1 where one of them is not there (any more); the others are approved all the same.
    """
    raise typer.Exit(_decide_all(source, external_ids, Decision(status=ItemStatus.LIVE, actor=actor())))


def reject(
    source: OneSource,
    external_ids: Ids,
    *,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why; stands in the audit log.", show_default=False)],
) -> None:
    """Do not show these listings, until they change and are approved; exits as `approve` does."""
    if not reason.strip():
        raise ConfigurationError("--reason must say something: it is what the next moderator reads")
    decision = Decision(status=ItemStatus.REJECTED, actor=actor(), reason=reason.strip())
    raise typer.Exit(_decide_all(source, external_ids, decision))


def show(
    source: OneSource,
    external_id: Annotated[str, typer.Argument(metavar="EXTERNAL_ID", help="What the feed calls it.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show all that is known of one listing, also what its feed says and no column holds."""
    listings_table.show(source, external_id, as_json=as_json)


def list_(
    source: MaybeSource = None,
    *,
    status: Annotated[Status | None, typer.Option(help="Only those of this status.", show_default=False)] = None,
    chain: Annotated[str | None, typer.Option(help="Only those of this chain.", show_default=False)] = None,
    project: Annotated[str | None, typer.Option(help="Only those of this project.", show_default=False)] = None,
    kind: Annotated[str | None, typer.Option(help="Only those of this kind.", show_default=False)] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the listings that are stored."""
    wanted = Wanted(
        status=None if status is None else ItemStatus(status), source=source, chain=chain, project=project, kind=kind
    )
    listings_table.listed(wanted, limit=limit, as_json=as_json)


def _decide_all(source: str, external_ids: Sequence[str], decision: Decision) -> int:
    name = listings_table.feed(source)
    with opened() as instance:
        outcomes = [_decide(instance, name, external_id, decision) for external_id in external_ids]
    return FAILED if Outcome.GONE in outcomes else 0


def _decide(instance: Instance, source: str, external_id: str, decision: Decision) -> Outcome:
    with instance.store.write() as connection:
        outcome = decide(connection, source, external_id, decision, now=instance.now())
    if outcome is Outcome.GONE:
        console.complain(f"{source} {external_id}: there is no such listing, or no longer")
    else:
        already = " already" if outcome is Outcome.ALREADY else ""
        console.line(f"{source} {external_id}: {decision.status.value}{already}")
    return outcome
