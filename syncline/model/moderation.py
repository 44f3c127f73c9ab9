"""Decisions on moderated items, of whatever table."""

from datetime import datetime

from sqlmodel import Field

from syncline.model.columns import KeyText, choice
from syncline.model.items import ItemStatus
from syncline.model.row import Row

__all__ = ["ItemDecision"]


class ItemDecision(Row, table=True):
    """What was last decided of an item, and of which content; outlives the item, which may come back."""

    __tablename__ = "listing_decisions"

    source: str = Field(primary_key=True, sa_type=KeyText)
    external_id: str = Field(primary_key=True, sa_type=KeyText)
    """The item's key."""
    status: ItemStatus = Field(sa_type=choice(ItemStatus))
    fingerprint: bytes
    """The item's, as it was when it was decided on."""
    reason: str | None = None
    decided_by: str
    decided_at: datetime
