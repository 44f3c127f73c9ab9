"""Customers: who buys from the shop, as the ERP knows them."""

from flows.erp import ERP
from syncline.model.erp import Customer
from syncline.model.policies import Mode, Retry
from syncline.model.session import Tally
from syncline.model.source import Source
from syncline.upstreams import erp
from tasks.admit import admit
from tasks.flow import sync_flow
from tasks.prune import prune
from tasks.pull import pull

__all__ = ["CUSTOMERS", "sync_customers"]

CUSTOMERS = Source(
    name="customers",
    upstream=ERP,
    pages=erp.customers,
    table=Customer,
    updated_field="updated_at",
    retry=Retry(attempts=3, delays_seconds=(5, 10, 20)),
)


@sync_flow(CUSTOMERS)
async def sync_customers(mode: Mode = Mode.INCREMENTAL, *, force: bool = False) -> Tally:
    """Bring the table `customers` in step with the ERP."""
    await admit(CUSTOMERS, mode)
    tally = await pull(CUSTOMERS, mode)
    return tally + await prune(CUSTOMERS, mode, force=force)
