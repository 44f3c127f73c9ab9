"""Budgets that an upstream counts by account, on both databases."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest

from syncline.clock import ManualClock
from syncline.errors import BudgetSpentError, RateLimitedError
from syncline.model.budgets import Budget, Scope, SlidingWindow
from syncline.model.page import Request
from syncline.model.upstream import Upstream
from syncline.settings import Settings, UpstreamSettings
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.upstreams.budgeted import RequestBudget
from syncline.upstreams.client import UpstreamClient

OWN = Budget(name="reads", policy=SlidingWindow(limit=3, period_seconds=60, margin=0), paths="^/m", scope=Scope.ACCOUNT)
SHARED = Budget(name="all", policy=SlidingWindow(limit=5, period_seconds=3600, margin=0), paths="^/me$")
X = Upstream(name="x", budgets=(OWN, SHARED))
SETTINGS = Settings(upstreams={"x": UpstreamSettings(base_url="http://x.invalid")})


@dataclass(kw_only=True)
class Upstreams:
    """An upstream that refuses the accounts in `refused`, and notes for which account each request came."""

    store: Store
    refused: set[str] = field(default_factory=set[str])
    came: list[str] = field(default_factory=list[str])

    def ask(self, account_id: str, *paths: str) -> None:
        """Ask for these, one after the other, as a process of the account's own would: with no memory of budgets."""

        def answer(request: httpx.Request) -> httpx.Response:
            self.came.append(account_id)
            is_refused = account_id in self.refused
            return httpx.Response(429, headers={"Retry-After": "90"}) if is_refused else httpx.Response(200, json=[])

        async def scenario() -> None:
            budget = RequestBudget(gate=Budgets(self.store), patience_seconds=0)
            transport, clock = httpx.MockTransport(answer), self.store.clock
            async with UpstreamClient(
                X, SETTINGS, transport=transport, clock=clock, budget=budget, account_id=account_id
            ) as client:
                for path in paths:
                    await client.send(Request(path=path))

        asyncio.run(scenario())


@pytest.fixture
def upstream(store: Store) -> Upstreams:
    return Upstreams(store=store)


def test_each_account_has_a_budget_of_its_own(upstream: Upstreams, clock: ManualClock) -> None:
    """One user's quota is spent; no other sync waits for it."""
    with pytest.raises(BudgetSpentError, match="the budget x:reads:ann is spent") as caught:
        upstream.ask("ann", *["mail"] * 4)
    assert caught.value.retry_at == clock.now() + timedelta(seconds=60)
    upstream.ask("bob", *["mail"] * 3)
    assert upstream.came == ["ann"] * 3 + ["bob"] * 3
    clock.advance(seconds=60)
    upstream.ask("ann", "mail")


def test_what_an_account_spent_all_its_processes_have_spent(upstream: Upstreams) -> None:
    """The next run of the account is another process, maybe on another machine."""
    upstream.ask("ann", "mail", "mail")
    with pytest.raises(BudgetSpentError):
        upstream.ask("ann", "mail", "mail")
    assert len(upstream.came) == 3


def test_a_blocked_account_blocks_no_other(upstream: Upstreams, clock: ManualClock) -> None:
    """Its own next request would only earn another 429; those of others are welcome."""
    upstream.refused = {"ann"}
    with pytest.raises(RateLimitedError):
        upstream.ask("ann", "mail")
    with pytest.raises(BudgetSpentError, match="x:reads:ann") as caught:
        upstream.ask("ann", "mail")
    assert caught.value.retry_at == clock.now() + timedelta(seconds=90)
    upstream.ask("bob", "mail")
    assert upstream.came == ["ann", "bob"]


def test_a_request_that_both_kinds_pay_for_blocks_the_account_alone(upstream: Upstreams) -> None:
    """The upstream counts by application as well; our own count keeps to that."""
    upstream.refused = {"ann"}
    with pytest.raises(RateLimitedError):
        upstream.ask("ann", "me")
    upstream.ask("bob", "me", "me")
    upstream.ask("cay", "me", "me")
    with pytest.raises(BudgetSpentError, match="the budget x:all is spent"):
        upstream.ask("dan", "me")
    upstream.ask("dan", "mail")


def test_a_refusal_that_no_budget_of_the_account_pays_for_is_everybodys(upstream: Upstreams) -> None:
    """It says nothing of the account: the upstream wants to be left alone."""
    upstream.refused = {"ann"}
    with pytest.raises(RateLimitedError):
        upstream.ask("ann", "status")
    with pytest.raises(BudgetSpentError, match="the budget x is spent"):
        upstream.ask("bob", "mail")


def test_a_source_without_accounts_spends_the_budget_as_one_account_does(upstream: Upstreams) -> None:
    """The declaration holds for an upstream that is read with the credentials of the settings, too."""
    with pytest.raises(BudgetSpentError, match="the budget x:reads is spent"):
        upstream.ask("", *["mail"] * 4)
    assert [key.name for key in X.budget_keys] == ["x:reads", "x:all"]
