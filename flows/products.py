"""Products: the shop's articles, as the ERP knows them."""

from flows.erp import ERP
from syncline.model.erp import Product
from syncline.model.policies import Mode, Retry
from syncline.model.session import Tally
from syncline.model.source import Source
from syncline.upstreams import erp
from tasks.admit import admit
from tasks.flow import sync_flow
from tasks.prune import prune
from tasks.pull import pull

__all__ = ["PRODUCTS", "sync_products"]

PRODUCTS = Source(
    name="products",
    upstream=ERP,
    pages=erp.products,
    table=Product,
    updated_field="updated_at",
    retry=Retry(attempts=3, delays_seconds=(5, 10, 20)),
)


@sync_flow(PRODUCTS)
async def sync_products(mode: Mode = Mode.INCREMENTAL, *, force: bool = False) -> Tally:
    """Bring the table `products` in step with the ERP."""
    await admit(PRODUCTS, mode)
    tally = await pull(PRODUCTS, mode)
    return tally + await prune(PRODUCTS, mode, force=force)
