"""Products: the shop's articles, as the ERP knows them."""

from syncline import Dataset, Mode, Retry, Source, Tally
from syncline.erp import ERP, Product, products
from tasks import admit, prune, pull, sync_flow

__all__ = ["PRODUCTS", "sync_products"]

PRODUCTS = Source(
    name="products",
    upstream=ERP,
    dataset=Dataset(pages=products, table=Product, updated_field="updated_at"),
    retry=Retry(attempts=3, delays_seconds=(5, 10, 20)),
)


@sync_flow(PRODUCTS)
async def sync_products(mode: Mode = Mode.INCREMENTAL, *, force: bool = False) -> Tally:
    """Bring the table `products` up to date with the ERP."""
    await admit(PRODUCTS, mode)
    tally = await pull(PRODUCTS, mode)
    return tally + await prune(PRODUCTS, mode, force=force)
