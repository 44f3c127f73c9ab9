from typing import Annotated

import msgspec
from msgspec import Meta

Count = Annotated[int, Meta(ge=1, le=1_000_000)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the price APIs behave; a test may change it at any time (`POST /sandbox/prices/settings`)."""

    per_window: Count = 30
    """Requests that a window admits, of each API."""
    window_seconds: Annotated[float, Meta(gt=0, le=86_400)] = 60
    """How long a window lasts that began with its first request."""
    most_coins: Count = 100
    """Coins that a request may name; one that names more is refused with 400."""
    key: str | None = None
    """What `x-cg-demo-api-key` or `x-cg-pro-api-key` must say at CoinGecko's; None: nothing."""
    confidence: Annotated[float, Meta(ge=0, le=1)] | None = None
    """What DefiLlama's says of all prices; None: 0.99, and 0.6 of tokens that are rarely traded."""

    def changed(self, fields: object) -> "Settings":
        """These settings with those of parsed JSON; raises `msgspec.ValidationError`."""
        named = msgspec.convert(fields, type=dict[str, object])
        return msgspec.convert({**msgspec.to_builtins(self), **named}, type=Settings)
