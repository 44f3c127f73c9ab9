"""A source: one dataset that is kept in step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from syncline.errors import ConfigurationError
from syncline.local_time import check_zone
from syncline.model.items import Item, ItemStatus, ModeratedItem, refuse_unique
from syncline.model.page import Pages
from syncline.model.places import check_paths
from syncline.model.policies import Deletes, Mode, SameKey
from syncline.model.service import Service

__all__ = ["Source"]


@dataclass(frozen=True, kw_only=True)
class Source(Service):
    r"""One dataset kept in step: where it comes from, where it goes, and by which policies.

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

    def __post_init__(self) -> None:
        """Refuse a declaration that cannot work."""
        super().__post_init__()
        if self.pages.incremental and self.updated_field is None:
            raise ConfigurationError(f"source {self.name!r} reads changes: name its updated_field")
        if self.keep_rejects < 1:
            raise ConfigurationError(f"source {self.name!r}: keep_rejects must be at least 1")
        if min(self.lag_seconds, self.resume_within_seconds) < 0:
            raise ConfigurationError(f"source {self.name!r}: seconds must not be negative")
        if self.max_requests < 1:
            raise ConfigurationError(f"source {self.name!r}: max_requests must be at least 1")
        if self.time_zone is not None:
            check_zone(self.time_zone)
        if self.moderated and not issubclass(self.table, ModeratedItem):
            raise ConfigurationError(f"source {self.name!r} is moderated: its table must be of a ModeratedItem")
        check_paths(self.table, self.fields, source=self.name)
        refuse_unique(self.table)

    @property
    def first_status(self) -> ItemStatus:
        """What a new item gets, in a table of moderated items."""
        return ItemStatus.PENDING if self.moderated else ItemStatus.LIVE

    def parameters(self, mode: Mode, *, force: bool = False) -> dict[str, object]:
        """What its flow is called with: how much is read, and `force` where however much is gone may be deleted.

        Raises:
            ConfigurationError: it never deletes anything.
        """
        if force and self.deletes.never:
            raise ConfigurationError(f"{self.name} never deletes what its upstream no longer lists: no force")
        return {"mode": mode.value, **({"force": True} if force else {})}
