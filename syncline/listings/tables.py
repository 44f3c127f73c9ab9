"""Listings: what a site shows of airdrops, quests, yields and the like; one table for all feeds."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy.orm import declared_attr
from sqlmodel import Field, Index

from syncline.model.columns import JsonColumn, KeyText
from syncline.model.items import STATUS, ModeratedItem

__all__ = ["Listing"]


class Listing(ModeratedItem, table=True):
    """One listing of one feed."""

    __tablename__ = "listings"
    rest: ClassVar[str] = "attributes"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805 - a class-level attribute, by SQLAlchemy's protocol
        """The index by which a site reads what is live, and a moderator what is pending."""
        return (*super().__table_args__, Index("ix_listings_status", STATUS, "source", "external_id"))

    source: str = Field(primary_key=True, sa_type=KeyText)
    external_id: str = Field(primary_key=True, min_length=1, max_length=500, sa_type=KeyText)
    """What the feed calls it."""
    title: str
    project: str | None = None
    """The project that offers it, such as a protocol."""
    chain: str | None = None
    kind: str | None = None
    """The feed's own category."""
    url: str | None = None
    description: str | None = None
    reward: str | None = None
    """What there is to gain, in words."""
    tvl_usd: float | None = None
    """Total value locked, in dollars."""
    apy: float | None = None
    """Yearly yield, in percent."""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    updated_at: datetime | None = None
    """When it was last changed, as the feed says."""
    attributes: Any = Field(default=None, sa_type=JsonColumn, nullable=True)
    """Whatever else the feed says of it."""
