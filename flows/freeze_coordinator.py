"""Freezing: rounds that are over are checked to the last entry, kept as a snapshot, and told of."""

from typing import Annotated, Any

from prefect.client.schemas.objects import State
from pydantic import Field

from flows.twitter_poller import TWITTER_POLLER
from flows.x import RETRY, X
from syncline import Priority, Source, Tally
from tasks import admit, due_rounds, freeze_rounds, push_snapshots, sync_flow

__all__ = ["FREEZE_COORDINATOR", "freeze_coordinator", "freeze_round"]

FREEZE_COORDINATOR = Source(
    name="freeze_coordinator",
    aliases=("freezeCoordinator",),
    upstream=X,
    retry=RETRY,
    priority=Priority.HIGH,
    spends={"tweetLookup": 0},  # most runs find nothing to freeze
    jitter_seconds=5,
    timeout_seconds=6 * 3600,  # 10,000 entries are 200 lookups, of which X admits one a minute
    patience_seconds=120,
)


@sync_flow(FREEZE_COORDINATOR)
async def freeze_coordinator(round_number: Annotated[int, Field(ge=1)] | None = None) -> Tally:
    """Freeze the rounds that are due, or the one that is named, and send the snapshots that were not accepted yet."""
    await admit(FREEZE_COORDINATOR)
    await push_snapshots(FREEZE_COORDINATOR)
    tally = await freeze_rounds(FREEZE_COORDINATOR, await due_rounds(TWITTER_POLLER, round_number))
    await push_snapshots(FREEZE_COORDINATOR)
    return tally


async def freeze_round(round_number: int) -> State[Tally]:
    """Freeze one round now, due or not: all of its entries are checked, then its snapshot is made and sent.

    It resumes where an earlier run ended, and does nothing to a round that is frozen already.

    Returns:
        The flow run's state: Completed where the round is frozen; Partial where entries could not be checked, which its
        message names; Deferred or Skipped with the reason.
    """
    flow: Any = freeze_coordinator  # Prefect types `return_state` for flows that are no coroutines alone
    return await flow(round_number=round_number, return_state=True)
