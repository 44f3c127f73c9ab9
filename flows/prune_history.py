"""Upkeep: history does not grow for ever. It is no source: nothing is brought up to date, and no session is opened."""

from prefect import flow

from tasks.forget import forget_records, forget_results

__all__ = ["prune_history"]


@flow(name="upkeep-prune_history", timeout_seconds=3600, persist_result=False)
async def prune_history() -> dict[str, int]:
    """Forget what is older than the settings keep it; returns how much of what."""
    return await forget_records() | await forget_results()
