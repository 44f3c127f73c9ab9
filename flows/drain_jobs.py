"""Drains: they do the jobs of all accounts, some minutes each; the next one takes over where one leaves."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from flows import registry
from syncline import Priority
from tasks.drain import drain_for

__all__ = ["drain_jobs"]


@flow(name="upkeep-drain_jobs", persist_result=False)
async def drain_jobs(
    minutes: Annotated[float, Field(gt=0, le=60)] = 5,
    slot: Annotated[int, Field(ge=0, le=99)] = 0,
    priorities: tuple[Priority, ...] = (Priority.HIGH, Priority.NORMAL, Priority.LOW),
) -> dict[str, int]:
    """Do what is due for some minutes; returns how many jobs had which outcome."""
    return await drain_for(registry.sources(), seconds=minutes * 60, slot=slot, priorities=priorities)
