"""Somebody else's API, as a source declares it; its address and credentials are settings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from syncline.errors import ConfigurationError
from syncline.model.budgets import Budget, BudgetKey, Scope

__all__ = ["Auth", "Upstream"]


class Auth(StrEnum):
    """How requests say who we are; the secrets come from `SYNCLINE_UPSTREAMS__NAME__…`."""

    NONE = "none"
    BEARER = "bearer"
    """`Authorization: Bearer TOKEN`; setting TOKEN."""
    BASIC = "basic"
    """`Authorization: Basic …`; settings USERNAME and PASSWORD."""
    HEADER = "header"
    """The token stands in a header of the upstream's own, `auth_name`; setting TOKEN."""
    QUERY = "query"
    """The token stands in a query parameter, `auth_name`; setting TOKEN."""


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """One API: what all sources that call it share.

    Attributes:
        name: lower case; names the settings `SYNCLINE_UPSTREAMS__NAME__BASE_URL`, `__TOKEN`, …
        auth: how requests are authenticated.
        auth_name: the header or query parameter that carries the token, for `Auth.HEADER` and `Auth.QUERY`.
        url_setting: the variable that says where it is; empty: `SYNCLINE_UPSTREAMS__NAME__BASE_URL`.
        needs_user: whether its paths name the user whose data is read; setting USER_ID.
        timeout_seconds: how long one request may take to connect, and how long an answer may be silent.
        answer_seconds: how long one answer may take in all, from the request to its last byte.
        max_bytes: how long a body may be, in bytes, as it is sent and as it is unpacked.
        max_in_flight: how many requests may be under way at once, over all sources and accounts of one process.
        budgets: how many requests it admits, over all processes and machines.
    """

    name: str
    auth: Auth = Auth.NONE
    auth_name: str = "X-API-Key"
    url_setting: str = ""
    needs_user: bool = False
    timeout_seconds: float = 30
    answer_seconds: float = 120
    max_bytes: int = 100_000_000
    max_in_flight: int = 8
    budgets: tuple[Budget, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a name that cannot name a setting."""
        if not self.name.isidentifier() or self.name != self.name.lower():
            raise ConfigurationError(f"an upstream's name is a lower-case word, but is {self.name!r}")
        if self.max_in_flight < 1:
            raise ConfigurationError(f"Upstream.max_in_flight must be at least 1, but is {self.max_in_flight}")
        if self.max_bytes < 1 or min(self.timeout_seconds, self.answer_seconds) <= 0:
            raise ConfigurationError(f"upstream {self.name!r}: its bounds of time and bytes must be above 0")
        names = [budget.name for budget in self.budgets]
        if len(set(names)) < len(names):
            raise ConfigurationError(f"upstream {self.name!r}: its budgets need names of their own, but are {names}")

    @property
    def block_key(self) -> BudgetKey:
        """Blocks all requests to the upstream, after a 429 to a request that no budget pays for."""
        return BudgetKey(name=self.name)

    @property
    def budget_keys(self) -> tuple[BudgetKey, ...]:
        """All of its budgets, as a source without accounts spends them."""
        return tuple(self._key(budget) for budget in self.budgets)

    def budgets_for(self, path: str, account_id: str = "") -> tuple[BudgetKey, ...]:
        """The budgets that pay for a request for `path`, sent for an account or for the source itself."""
        return tuple(self._key(budget, account_id) for budget in self.budgets if budget.pays_for(path))

    def _key(self, budget: Budget, account_id: str = "") -> BudgetKey:
        account_id = account_id if budget.scope is Scope.ACCOUNT else ""
        name = ":".join(part for part in (self.name, budget.name, account_id) if part)
        return BudgetKey(name=name, policy=budget.policy, cost=budget.cost, account_id=account_id)
