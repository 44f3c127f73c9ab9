"""A feed in memory, its items as an upstream of listings would send them."""

from typing import Any

from support.upstream import ListPages
from syncline.listings import stored
from syncline.listings.stored import Wanted
from syncline.listings.tables import Listing
from syncline.model.dataset import Dataset
from syncline.model.items import ItemStatus
from syncline.model.policies import Deletes
from syncline.model.source import Source
from syncline.model.upstream import Upstream
from syncline.store.engine import Store

__all__ = ["FIELDS", "entry", "feed", "statuses"]

FIELDS = {"external_id": "id", "title": "headline", "project": "by.name", "chain": "by.chain"}


def entry(key: object, headline: str = "Free tokens", **more: object) -> dict[str, Any]:
    """An item of such a feed."""
    return {"id": key, "headline": headline, "by": {"name": "acme", "site": "https://acme.example"}, **more}


def feed(pages: ListPages, name: str = "community", *, moderated: bool = True) -> Source:
    """A source of listings over `pages`."""
    return Source(
        name=name,
        upstream=Upstream(name=name),
        dataset=Dataset(
            pages=pages, table=Listing, fields=FIELDS, moderated=moderated, deletes=Deletes(max_fraction=1)
        ),
    )


def statuses(store: Store, source: str = "community") -> dict[str, ItemStatus]:
    """The status of each of the source's listings, by its key."""
    with store.read() as connection:
        found = stored.page(connection, Wanted(source=source), limit=1_000)
    return {one.listing.external_id: one.status for one in found}
