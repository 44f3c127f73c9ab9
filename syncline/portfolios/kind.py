"""Wallets as accounts: what the kernel needs to know of them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from syncline.jobs.due import Freshness
from syncline.model.account_kind import AccountKind
from syncline.portfolios.address import checked

__all__ = ["WALLETS"]


def _connect(store: Any, settings: Any) -> AbstractAsyncContextManager[Any]:  # noqa: ANN401 - as `AccountKind` has it
    from syncline.portfolios.connector import connect  # noqa: PLC0415 - commands that only look load no HTTP client

    return connect(store, settings, settings)


def _freshness(settings: Any) -> Freshness:  # noqa: ANN401 - the same
    from syncline.portfolios.periodic import freshness  # noqa: PLC0415 - it is needed where accounts are synced

    limits = settings.accounts
    return freshness(
        settings, shortest_seconds=limits.min_interval_seconds, longest_seconds=limits.max_interval_seconds
    )


def _missing(settings: Any) -> str | None:  # noqa: ANN401 - the same
    return None if settings.chains else "SYNCLINE_CHAINS__ID__RPC_URL"


def _disabled_by(settings: Any) -> str | None:  # noqa: ANN401 - the same
    return None if settings.periodic_sync_enabled else "PERIODIC_SYNC_ENABLED=false"


def _token(text: str) -> str:
    return checked(text, what="a token's address")


WALLETS = AccountKind(
    noun="wallet",
    canonical=checked,
    canonical_token=_token,
    settings=frozenset({"chains", "tokens"}),
    upstreams=("prices",),
    connect=_connect,
    freshness=_freshness,
    missing=_missing,
    disabled_by=_disabled_by,
)
