from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Count = Annotated[int, Meta(ge=1, le=10_000_000)]
Lie = Literal["zero", "empty", "short", "null", "garbage", "failed"]
"""What an answer says in place of the truth: no coins, no bytes, too few bytes, null, no number, or an error."""
Address = Annotated[str, Meta(pattern=r"^0x[0-9a-f]{40}\Z")]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the node of one chain behaves; a test may change it at any time (`POST /sandbox/evm/1/settings`)."""

    calls_limit: Count = 100_000
    """Calls that a window admits; each element of a batch is one."""
    window_seconds: Annotated[float, Meta(gt=0, le=86_400)] = 1
    """How long a window lasts that began with its first call."""
    refusal: Literal["http", "calls", "object"] = "http"
    """Over the quota: 429 with Retry-After; or 200, and in it -32005 for each call that is too many; or 200 with one
    error object for all."""
    order: Literal["asked", "reversed", "shuffled"] = "asked"
    """In which order a batch is answered."""
    largest_batch: Annotated[int, Meta(ge=0)] = 1000
    """Calls in a batch; a larger one is answered with one error object. 0: no batch at all."""
    most_subcalls: Count = 2000
    """Calls in an `aggregate3`; more run out of gas."""
    multicall: bool = True
    """Whether Multicall3 is deployed."""
    eip1898: bool = True
    """Whether a block may be named by `{"blockHash": …}`."""
    largest_range: Count = 10_000
    """Blocks that `eth_getLogs` looks at."""
    most_logs: Count = 10_000
    """Logs that it answers with."""
    most_topics: Count = 1000
    """Addresses, and alternatives of one topic, that a filter may name."""
    provider: Literal["geth", "alchemy", "infura", "quicknode"] = "geth"
    """In whose words a range or a result that is too large is refused."""
    state_blocks: Count = 1024
    """How many of the newest blocks a balance can be asked at."""
    lies: dict[Address, Lie] = {}
    """Wallets, and tokens, in lower case, of whose balances something else is said than is true."""

    def changed(self, fields: object) -> "Settings":
        """These settings with those of parsed JSON; raises `msgspec.ValidationError`."""
        named = msgspec.convert(fields, type=dict[str, object])
        return msgspec.convert({**msgspec.to_builtins(self), **named}, type=Settings)
