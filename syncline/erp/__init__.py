"""A shop's ERP: its API, its products and its customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncline.facade import loader

if TYPE_CHECKING:
    from syncline.erp.pages import ERP, customers, products
    from syncline.erp.tables import Customer, Product

__all__ = ["ERP", "Customer", "Product", "customers", "products"]

_MODULES = {
    "syncline.erp.pages": ("ERP", "customers", "products"),
    "syncline.erp.tables": ("Customer", "Product"),
}
__getattr__ = loader(__name__, _MODULES)
