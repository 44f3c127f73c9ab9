from typing import Annotated

import msgspec
from msgspec import Meta

Limit = Annotated[int, Meta(ge=1, le=1_000_000)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How X behaves; a test may change it at any time (`POST /sandbox/x/settings`, or `box.x.settings`)."""

    mentions_limit: Limit = 10
    """Requests for mentions that a window admits."""
    lookups_limit: Limit = 15
    """Requests for tweets by id that a window admits."""
    window_seconds: Annotated[float, Meta(gt=0, le=86_400)] = 900
    """How long a window lasts that began with its first request."""
    silent_part: Annotated[float, Meta(ge=0, le=1)] = 0.5
    """The part of the tweets that are gone of which a lookup says nothing; the others stand in its `errors`."""
    foreign_headers: bool = False
    """Whether the headers of a 429 describe another bucket, which has plenty left and is refilled soon."""
    reach: Limit = 800
    """How many of the newest mentions can be had at all."""

    def changed(self, fields: object) -> "Settings":
        """These settings with those of parsed JSON; raises `msgspec.ValidationError`."""
        named = msgspec.convert(fields, type=dict[str, object])
        return msgspec.convert({**msgspec.to_builtins(self), **named}, type=Settings)
