"""The shop's ERP: what its sources share."""

from syncline.model.upstream import Auth, Upstream

__all__ = ["ERP"]

ERP = Upstream(name="erp", auth=Auth.BEARER)
