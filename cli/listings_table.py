"""Listings as a table, one of them in full, or as JSON."""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from rich.text import Text

from cli import console, registry
from cli.instance import Instance, opened
from cli.tables import Column, Fact, number, print_facts, print_table
from syncline.errors import SynclineError
from syncline.listings import stored
from syncline.listings.stored import StoredListing, Wanted
from syncline.listings.tables import Listing
from syncline.model.items import ItemStatus
from syncline.model.source import Source
from syncline.words import ago, counted

__all__ = ["as_json_object", "feed", "listed", "pending", "show"]

_COLUMNS = (
    Column(title="Source"),
    Column(title="Id"),
    Column(title="Status", rank=1),
    Column(title="Title", least=24, rank=2),
    Column(title="Project", rank=4),
    Column(title="Chain", rank=5),
    Column(title="Since", right=True, rank=3),
    Column(title="Link", least=20, rank=6),
)
_STYLES = {ItemStatus.PENDING: "yellow", ItemStatus.LIVE: "green", ItemStatus.REJECTED: "red"}


def pending(source: str | None, *, limit: int, as_json: bool) -> None:
    """Print what waits for a decision."""
    wanted = Wanted(status=ItemStatus.PENDING, source=source)
    with opened() as instance:
        found, total = _look(instance, wanted, limit)
        if as_json:
            console.write_json([as_json_object(one) for one in found])
        elif not found:
            console.line("nothing waits for a decision")
        else:
            _print(instance, found, total)
            first = found[0].listing
            console.line(f"`syncline listings show {first.source} {first.external_id}` shows all of one;")
            console.line("`syncline listings approve SOURCE ID…` and `reject SOURCE ID… --reason …` decide")


def listed(wanted: Wanted, *, limit: int, as_json: bool) -> None:
    """Print the listings that are wanted."""
    with opened() as instance:
        found, total = _look(instance, wanted, limit)
        if as_json:
            console.write_json([as_json_object(one) for one in found])
        elif not found:
            console.line("there are no such listings")
        else:
            _print(instance, found, total)


def show(source: str, external_id: str, *, as_json: bool) -> None:
    """Print one listing in full."""
    name = feed(source)
    with opened() as instance:
        with instance.store.read() as connection:
            found = stored.find(connection, name, external_id)
        if found is None:
            raise SynclineError(f"there is no listing {external_id!r} of {name}, or no longer")
        told = as_json_object(found)
        if as_json:
            console.write_json(told)
        else:
            rest = told.pop("attributes")
            more = cast("dict[str, object]", rest or {})
            facts = [*told.items(), *((f"feed: {name}", value) for name, value in more.items())]
            print_facts(Fact(label=label, value=_said(value)) for label, value in facts)


def feed(source: str) -> str:
    """The name of a source of listings.

    Raises:
        UnknownSourceError, SynclineError: there is no such source, or it fills another table.
    """
    found = registry.find(source)
    if not _lists(found):
        feeds = ", ".join(one.name for one in registry.every() if _lists(one))
        raise SynclineError(f"{found.name} has no listings; these have: {feeds}")
    return found.name


def _lists(source: Source) -> bool:
    return source.dataset is not None and source.dataset.table is Listing


def as_json_object(one: StoredListing) -> dict[str, object]:
    """All that is known of a listing."""
    known: dict[str, object] = {name: getattr(one.listing, name) for name in Listing.model_fields}
    return known | {"status": one.status.value, "since": one.synced_at, "version": one.version.hex()}


def _look(instance: Instance, wanted: Wanted, limit: int) -> tuple[Sequence[StoredListing], int]:
    checked = wanted if wanted.source is None else replace(wanted, source=feed(wanted.source))
    with instance.store.read() as connection:
        return stored.page(connection, checked, limit=limit), stored.count(connection, checked)


def _print(instance: Instance, found: Sequence[StoredListing], total: int) -> None:
    now = instance.now()
    rows = [
        (
            one.listing.source,
            one.listing.external_id,
            Text(one.status.value, style=_STYLES.get(one.status, "")),
            one.listing.title,
            one.listing.project or "",
            one.listing.chain or "",
            ago(one.synced_at, now),
            one.listing.url or "",
        )
        for one in found
    ]
    print_table(_COLUMNS, rows)
    if total > len(found):
        console.line(f"… and {counted(total - len(found), 'more listing')}: `--limit {number(total).replace(',', '')}`")


def _said(value: object) -> str:
    return "" if value is None else str(value)
