"""The ERP: how it is asked, and for what."""

from syncline.model.upstream import Auth, Upstream
from syncline.upstreams.paging import PageNumber
from syncline.upstreams.rest import RestPages

__all__ = ["ERP", "customers", "products"]

ERP = Upstream(name="erp", auth=Auth.BEARER)
_PAGING = PageNumber(page="page", size="per_page", page_size=500)

products = RestPages(path="/erp/products", items="data", paging=_PAGING, updated_since="updated_since", total="total")
customers = RestPages(path="/erp/customers", items="data", paging=_PAGING, updated_since="updated_since", total="total")
