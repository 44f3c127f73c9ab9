"""Wallets' portfolios: what each holds on each chain, and what that is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncline.facade import loader

if TYPE_CHECKING:
    from syncline.portfolios.kind import WALLETS
    from syncline.portfolios.tables import EvmToken, Holding, TokenPrice

__all__ = ["WALLETS", "EvmToken", "Holding", "TokenPrice"]

_MODULES = {
    "syncline.portfolios.kind": ("WALLETS",),
    "syncline.portfolios.tables": ("EvmToken", "Holding", "TokenPrice"),
}
__getattr__ = loader(__name__, _MODULES)
