"""A source and an upstream for what is measured; nothing of it is ever synchronised."""

from syncline.erp import pages
from syncline.erp.tables import Product
from syncline.model.budgets import Budget
from syncline.model.dataset import Dataset
from syncline.model.policies import BreakerPolicy
from syncline.model.source import Source
from syncline.model.upstream import Upstream

__all__ = ["THRESHOLD", "measured_source", "measured_upstream"]

THRESHOLD = 5
"""So many failures in a row open the breaker."""


def measured_upstream(*budgets: Budget) -> Upstream:
    """The upstream, with these budgets."""
    return Upstream(name="measured", max_in_flight=1, budgets=budgets)


def measured_source(name: str) -> Source:
    """A source with a breaker of its own."""
    return Source(
        name=name,
        upstream=measured_upstream(),
        dataset=Dataset(pages=pages.products, table=Product, updated_field="updated_at"),
        breaker=BreakerPolicy(failures=THRESHOLD),
    )
