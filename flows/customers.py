"""Customers: who buys from the shop, as the ERP knows them."""

from syncline import Dataset, Mode, Retry, Source, Tally
from syncline.erp import ERP, Customer, customers
from tasks import admit, prune, pull, sync_flow

__all__ = ["CUSTOMERS", "sync_customers"]

CUSTOMERS = Source(
    name="customers",
    upstream=ERP,
    dataset=Dataset(pages=customers, table=Customer, updated_field="updated_at"),
    retry=Retry(attempts=3, delays_seconds=(5, 10, 20)),
)


@sync_flow(CUSTOMERS)
async def sync_customers(mode: Mode = Mode.INCREMENTAL, *, force: bool = False) -> Tally:
    """Bring the table `customers` up to date with the ERP."""
    await admit(CUSTOMERS, mode)
    tally = await pull(CUSTOMERS, mode)
    return tally + await prune(CUSTOMERS, mode, force=force)
