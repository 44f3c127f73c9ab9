"""A breaker as the API tells it."""

from pydantic import BaseModel, Field

from syncline.model.policies import BreakerPolicy
from syncline.resilience.breaker import BreakerState
from syncline.store.breakers import BreakerStatus
from web.api.instants import Instant

__all__ = ["BreakerJson", "as_json"]


class ProbesJson(BaseModel):
    """The runs that show whether the upstream is well again."""

    succeeded: int = Field(description="of the present half-open spell")
    needed: int = Field(description="so many in all close the breaker; no more are let through at once")


class BreakerJson(BaseModel):
    """How a breaker stands; instants are ISO 8601 in UTC."""

    state: BreakerState
    failures: int = Field(description="failed attempts in a row")
    opened_at: Instant | None = Field(description="null while it is closed")
    retry_at: Instant | None = Field(description="until when runs are skipped, where that is known")
    probes: ProbesJson


def as_json(status: BreakerStatus, policy: BreakerPolicy) -> BreakerJson:
    """The breaker that stands like this, by this policy."""
    return BreakerJson(
        state=status.state,
        failures=status.failures,
        opened_at=status.opened_at,
        retry_at=status.retry_at,
        probes=ProbesJson(succeeded=status.successes, needed=policy.half_open_probes),
    )
