"""A dataset: what a source reads page by page into a table, and by which policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from syncline.errors import ConfigurationError
from syncline.local_time import check_zone
from syncline.model.items import Item, ItemStatus, ModeratedItem, refuse_unique
from syncline.model.page import Pages
from syncline.model.places import check_paths
from syncline.model.policies import Deletes, SameKey

__all__ = ["Dataset"]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    r"""Items of an upstream that are kept in step with a table.

    Attributes:
        pages: the connector that yields its pages.
        table: the table that it fills.
        fields: where the upstream's items have what a column holds, by column, as a dotted path (`token.chain`; a dot
            within a key is written `\.`); a column that is not named is read under its own name. A column of JSON may
            hold an object that other columns are read from within.
        moderated: whether new and changed items wait for a decision; only for a table of moderated items.
        updated_field: the item's field that rises with each change (an instant); the cursor is made of it.
        lag_seconds: how far behind the newest change an incremental pass starts, because upstreams show changes late
            and clocks differ. What is read twice for it is seen to be unchanged.
        time_zone: the zone of instants that the upstream writes without an offset, as `Europe/Berlin`; None: they are
            UTC. It is asked for changes in the same zone, unless by `epoch`.
        deletes: when rows that are gone upstream are deleted.
        same_key: what becomes of two different items of one list that have the same key.
        resume_within_seconds: an unfinished pass whose last page is older than this begins anew: cursors grow old, and
            so does what was read.
        max_requests: a session that has sent so many requests ends as partial; the next one goes on there.
        keep_rejects: how many items that could not be stored are kept with their reasons; the oldest go.
    """

    pages: Pages
    table: type[Item]
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    moderated: bool = False
    updated_field: str | None = None
    lag_seconds: float = 60
    time_zone: str | None = None
    deletes: Deletes = field(default_factory=Deletes)
    same_key: SameKey = SameKey.REJECT
    resume_within_seconds: float = 172_800
    max_requests: int = 10_000
    keep_rejects: int = 10_000

    @property
    def first_status(self) -> ItemStatus:
        """What a new item gets, in a table of moderated items."""
        return ItemStatus.PENDING if self.moderated else ItemStatus.LIVE

    def check(self, source: str) -> None:
        """Refuse what cannot work, in the name of its source.

        Raises:
            ConfigurationError: names the source and the field.
        """
        if self.pages.incremental and self.updated_field is None:
            raise ConfigurationError(f"source {source!r} reads changes: name its dataset's updated_field")
        if self.keep_rejects < 1:
            raise ConfigurationError(f"source {source!r}: keep_rejects must be at least 1")
        if min(self.lag_seconds, self.resume_within_seconds) < 0:
            raise ConfigurationError(f"source {source!r}: seconds must not be negative")
        if self.max_requests < 1:
            raise ConfigurationError(f"source {source!r}: max_requests must be at least 1")
        if self.time_zone is not None:
            check_zone(self.time_zone)
        if self.moderated and not issubclass(self.table, ModeratedItem):
            raise ConfigurationError(f"source {source!r} is moderated: its table must be of a ModeratedItem")
        check_paths(self.table, self.fields, source=source)
        refuse_unique(self.table)
