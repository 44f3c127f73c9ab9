"""The ways of paging that a source can declare."""

from syncline.upstreams.cursor import Cursor, Keyset, Link, OnePage
from syncline.upstreams.offset import Offset, Range
from syncline.upstreams.page_number import PageNumber
from syncline.upstreams.walk import Paging

__all__ = ["Cursor", "Keyset", "Link", "Offset", "OnePage", "PageNumber", "Paging", "Range"]
