"""The ways of paging that a source can declare."""

from syncline.upstreams.marks import Cursor, Keyset, Link, OnePage
from syncline.upstreams.numbered import PageNumber
from syncline.upstreams.positions import Offset, Range
from syncline.upstreams.walk import Paging

__all__ = ["Cursor", "Keyset", "Link", "Offset", "OnePage", "PageNumber", "Paging", "Range"]
