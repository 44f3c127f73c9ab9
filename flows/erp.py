"""The shop's ERP: what its sources share."""

from syncline import Auth, Upstream

__all__ = ["ERP"]

ERP = Upstream(name="erp", auth=Auth.BEARER)
