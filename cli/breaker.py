"""`syncline breaker`: showing, opening and resetting the breaker of a source."""

import asyncio

import typer

from cli import console, registry
from cli.instance import actor, opened
from cli.lazy_group import group
from cli.options import OneSource
from deployments.breakers import hold_breaker_open, reset_breaker
from syncline.admission.skip_reasons import skip_reason_breaker
from syncline.resilience.breaker import BreakerState
from syncline.store.breakers import Breakers, BreakerStatus
from syncline.words import counted, unheard_of

__all__ = ["app"]


def app() -> typer.Typer:
    """Look at the breaker of a source, close it or hold it open."""
    return group({"show": show, "reset": reset, "open": hold_open})


def show(source: OneSource) -> None:
    """Say how the breaker stands: closed, open until when, half-open."""
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


def reset(source: OneSource) -> None:
    """Close the breaker: the next run goes."""
    with opened() as instance:
        name = registry.find(source).name
        change = asyncio.run(reset_breaker(instance.settings, instance.store, name, actor=actor()))
    console.line(f"breaker of {name}: " + ("closed; the next run goes" if change else "it was closed already"))


def hold_open(source: OneSource) -> None:
    """Open the breaker until it is reset: no run goes."""
    with opened() as instance:
        name = registry.find(source).name
        asyncio.run(hold_breaker_open(instance.settings, instance.store, name, actor=actor()))
    console.line(f"breaker of {name}: open until `syncline breaker reset {name}`")
