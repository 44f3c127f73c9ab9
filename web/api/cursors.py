"""Cursors of the listings' pages: the key of the last one shown, so that a page begins behind it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec
from fastapi import HTTPException

from syncline.listings.stored import After
from syncline.listings.tables import Listing
from web.edge.text import is_plain

__all__ = ["PLAIN", "read", "written"]

PLAIN = r"^[^\x00]*$"
"""Text that a database takes."""


def written(last: Listing) -> str:
    """The cursor after `last`."""
    return urlsafe_b64encode(msgspec.json.encode([last.source, last.external_id])).decode().rstrip("=")


def read(cursor: str | None) -> After | None:
    """The place that a cursor names; raises 422 where it is none of ours."""
    if cursor is None:
        return None
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        source, external_id = msgspec.json.decode(text, type=tuple[str, str])
    except (ValueError, msgspec.MsgspecError):
        raise _refused() from None
    if not all(is_plain(part) for part in (source, external_id)):
        raise _refused()
    return After(source=source, external_id=external_id)


def _refused() -> HTTPException:
    return HTTPException(422, "cursor: send the next_cursor of the page before, or leave it out")
