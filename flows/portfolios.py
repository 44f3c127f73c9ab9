"""Wallets: those that fall due are queued at each tick; drains read what they hold."""

from syncline import Retry, Source, Tally, Upstream
from syncline.portfolios import WALLETS
from tasks import admit, sweep_accounts, sync_flow

__all__ = ["PORTFOLIOS", "sweep_portfolios"]

PORTFOLIOS = Source(
    name="portfolios",
    upstream=Upstream(name="chains"),  # each chain is an upstream of its own, with budgets of its own
    accounts=WALLETS,
    retry=Retry(attempts=3, delays_seconds=(2, 5)),
    timeout_seconds=120,
)


@sync_flow(PORTFOLIOS)
async def sweep_portfolios() -> Tally:
    """Queue the wallets that fall due before the next tick; what is stale goes first."""
    await admit(PORTFOLIOS)
    return await sweep_accounts(PORTFOLIOS)
