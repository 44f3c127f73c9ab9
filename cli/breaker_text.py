"""Looking at and steering the breaker of a source."""

import asyncio

from cli import console, registry
from cli.instance import actor, opened
from deployments.breakers import hold_breaker_open, reset_breaker
from syncline.admission.skip_reasons import skip_reason_breaker
from syncline.resilience.breaker import BreakerState
from syncline.store.breakers import Breakers, BreakerStatus
from syncline.words import counted, unheard_of

__all__ = ["hold_open", "reset", "show"]


def show(source: str) -> None:
    """Say how the breaker stands."""
    with opened() as instance:
        status = Breakers(instance.store).state(registry.find(source))
    console.line(_said(source, status))


def _said(source: str, status: BreakerStatus) -> str:
    match status.state:
        case BreakerState.OPEN | BreakerState.FORCED_OPEN:
            return skip_reason_breaker(source, status.state, status.retry_at)
        case BreakerState.HALF_OPEN:
            return f"breaker: half-open, {counted(status.successes, 'probe')} went well so far"
        case BreakerState.CLOSED:
            return f"breaker: closed, {counted(status.failures, 'failure')} in a row"
    return f"breaker: {unheard_of(status.state)}"


def reset(source: str) -> None:
    """Close the breaker."""
    with opened() as instance:
        name = registry.find(source).name
        change = asyncio.run(reset_breaker(instance.settings, instance.store, name, actor=actor()))
    console.line(f"breaker of {name}: " + ("closed; the next run goes" if change else "it was closed already"))


def hold_open(source: str) -> None:
    """Open the breaker until it is reset."""
    with opened() as instance:
        name = registry.find(source).name
        asyncio.run(hold_breaker_open(instance.settings, instance.store, name, actor=actor()))
    console.line(f"breaker of {name}: open until `syncline breaker reset {name}`")
