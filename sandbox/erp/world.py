from typing import Any

from sandbox.clock import Clock, utc_now
from sandbox.erp.customers import CUSTOMERS, Customer
from sandbox.erp.products import PRODUCTS, Product
from sandbox.erp.table import Table, Touched


class Erp:
    """The ERP's data: the same for the same seed, until it is changed."""

    products: Table[Product]
    customers: Table[Customer]

    def __init__(self, *, seed: int, products: int, customers: int, clock: Clock = utc_now) -> None:
        self.products = Table(PRODUCTS, seed=seed, count=products, clock=clock)
        self.customers = Table(CUSTOMERS, seed=seed, count=customers, clock=clock)

    @property
    def tables(self) -> dict[str, Table[Any]]:
        """All tables by name."""
        return {"products": self.products, "customers": self.customers}

    def change(self, table: str, *, create: int = 0, update: int = 0, delete: int = 0) -> Touched:
        """Change so many rows of a table; answers the ids touched. Raises KeyError for an unknown table."""
        return self.tables[table].change(create=create, update=update, delete=delete)

    def tick(self) -> dict[str, Touched]:
        """The few changes that a little time brings to each table."""
        return {name: table.tick() for name, table in self.tables.items()}
