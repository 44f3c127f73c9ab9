"""Looking at and steering the breaker of a source."""

import asyncio

from cli import catalog, console
from cli.instance import actor, opened
from deployments.breakers import hold_breaker_open, reset_breaker
from syncline.passes.admission import said_of_breaker
from syncline.resilience.breaker import BreakerState
from syncline.store.breakers import Breakers

__all__ = ["hold_open", "reset", "show"]


def show(source: str) -> None:
    """Say how the breaker stands."""
    with opened() as instance:
        status = Breakers(instance.store).state(catalog.find(source))
    if status.state in {BreakerState.OPEN, BreakerState.FORCED_OPEN}:
        console.line(said_of_breaker(source, status.state, status.retry_at))
    elif status.state is BreakerState.HALF_OPEN:
        console.line(f"breaker: half-open, {status.successes} of its probes went well so far")
    else:
        console.line(f"breaker: closed, {status.failures} failures in a row")


def reset(source: str) -> None:
    """Close the breaker."""
    with opened() as instance:
        name = catalog.find(source).name
        change = asyncio.run(reset_breaker(instance.settings, instance.store, name, actor=actor()))
    console.line(f"breaker of {name}: " + ("closed; the next run goes" if change else "it was closed already"))


def hold_open(source: str) -> None:
    """Open the breaker until it is reset."""
    with opened() as instance:
        name = catalog.find(source).name
        asyncio.run(hold_breaker_open(instance.settings, instance.store, name, actor=actor()))
    console.line(f"breaker of {name}: open until `syncline breaker reset {name}`")
