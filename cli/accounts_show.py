"""One account in full: how it stands, what is explained of it, and what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rich.text import Text

from cli import console
from cli.accounts_table import report_of, state_text
from cli.instance import opened
from cli.outcomes import outcome
from cli.tables import Column, Fact, print_facts, print_table
from syncline.jobs import account_settings
from syncline.jobs.account_json import detail_json
from syncline.jobs.account_report import AccountReport, explanation
from syncline.portfolios.portfolio import Portfolio, portfolio, rounded
from syncline.portfolios.portfolio_json import portfolio_json
from syncline.words import ago

__all__ = ["show"]

_HOLDINGS = (
    Column(title="Chain", right=True),
    Column(title="Token", least=8),
    Column(title="Amount", right=True),
    Column(title="Price", right=True, rank=2),
    Column(title="Value", right=True, rank=1),
    Column(title="As of", right=True, rank=3),
)


def show(account_id: str, *, as_json: bool) -> None:
    """Print one account in full."""
    with opened() as instance:
        report = report_of(instance, account_id)
        with instance.store.read() as connection:
            held = portfolio(connection, account_id)
    if as_json:
        told = detail_json(report, str).model_dump()
        told |= {"explanation": list(explanation(report)), "portfolio": portfolio_json(held).model_dump()}
        console.write_json(told)
        return
    print_facts(_facts(report))
    for sentence in explanation(report):
        console.line(sentence)
    _print_holdings(held, report.at)


def _facts(report: AccountReport) -> Iterator[Fact]:
    account = report.account
    yield Fact(label="account", value=account.id)
    yield Fact(label="source", value=account.source)
    yield Fact(label="user", value=account.user_id)
    yield Fact(label="external id", value=account.external_id)
    yield Fact(label="state", value=state_text(report.state))
    shown = account_settings.shown(account.settings)
    yield Fact(label="settings", value=", ".join(f"{name}={value}" for name, value in shown.items()))
    yield Fact(label="version", value=str(account.version))
    yield Fact(label="weight", value=f"{account.weight:g}")
    yield Fact(label="added", value=ago(account.created_at, report.at))
    yield Fact(label="user seen", value=ago(account.last_active_at, report.at))
    yield Fact(label="last synced", value=ago(account.last_synced_at, report.at))
    yield Fact(label="last read", value=ago(account.last_success_at, report.at))
    counts = [Text.assemble(f"{number:,} ", outcome(status)) for status, number in sorted(report.sessions.items())]
    yield Fact(label="sessions", value=Text(", ").join(counts))


def _print_holdings(held: Portfolio, now: datetime) -> None:
    if not held.holdings:
        return
    rows = [
        [
            str(one.chain_id),
            one.symbol or one.token,
            f"{one.raw} (raw)" if one.amount is None else f"{one.amount:f}",
            "-" if one.price is None else f"${one.price:f}",
            "-" if one.value is None else f"${rounded(one.value):,}",
            ago(one.as_of, now) if one.stale_since is None else f"stale since {ago(one.stale_since, now)}",
        ]
        for one in held.holdings
    ]
    print_table(_HOLDINGS, rows)
    unpriced = len(held.unpriced)
    console.line(f"in all ${rounded(held.total):,}{f', without {unpriced} of unknown value' if unpriced else ''}")
