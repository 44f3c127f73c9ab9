"""Accounts as a table, one of them in full, or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.text import Text

from cli import console, registry
from cli.instance import Instance, opened
from cli.tables import Column, print_table
from syncline.clock import from_microseconds
from syncline.errors import UnknownAccountError
from syncline.jobs import registration
from syncline.jobs.account_json import AccountExplanationJson, account_json
from syncline.jobs.account_report import AccountReport, explanation, read_report
from syncline.model.account import Account, AccountState
from syncline.store import accounts
from syncline.store.account_pages import WantedAccounts, page
from syncline.words import ago, unheard_of, until

__all__ = ["explain", "found", "listed", "report_of", "state_text"]

_COLUMNS = (
    Column(title="Account"),
    Column(title="Source", rank=3),
    Column(title="User", least=8, rank=2),
    Column(title="External id", least=16, rank=1),
    Column(title="State"),
    Column(title="Read whole", right=True, rank=4),
    Column(title="Due", right=True, rank=5),
    Column(title="Seen", right=True, rank=6),
    Column(title="Why", least=16, rank=7),
)
_PAGE = 1_000


def found(instance: Instance, account_id: str) -> Account:
    """The account with this id.

    Raises:
        UnknownAccountError: there is none.
    """
    with instance.store.read() as connection:
        account = accounts.find(connection, account_id)
    if account is None:
        raise UnknownAccountError(account_id)
    return account


def listed(source: str | None, *, state: str | None, user: str | None, limit: int, after: str, as_json: bool) -> None:
    """Print the accounts that are wanted."""
    wanted = WantedAccounts(source=source, state=None if state is None else AccountState(state), user_id=user)
    with opened() as instance:
        some, next_after = _pages(instance, wanted, limit=limit, after=after)
        now = instance.now()
    if as_json:
        console.write_json([account_json(one, str).model_dump() for one in some])
    elif not some:
        console.line("there are no such accounts")
    else:
        print_table(_COLUMNS, [_row(one, now) for one in some])
        if next_after is not None:
            console.line(f"… and more: `--after {next_after}`")


def explain(account_id: str, *, as_json: bool) -> None:
    """Say why the account is synced or not, and when next."""
    with opened() as instance:
        report = report_of(instance, account_id)
    if as_json:
        console.write_json(AccountExplanationJson.of(report, str).model_dump())
        return
    for sentence in explanation(report):
        console.line(sentence)


def state_text(state: AccountState) -> Text:
    """The state's word in its colour."""
    return Text(state.value, style=_style(state))


def report_of(instance: Instance, account_id: str) -> AccountReport:
    """The account as it stands.

    Raises:
        UnknownAccountError: there is none.
    """
    account = found(instance, account_id)
    kind = registration.kind_of(registry.find(account.source))
    with instance.store.read() as connection:
        return read_report(connection, account, now=instance.now(), kind=kind, settings=instance.settings)


def _pages(
    instance: Instance, wanted: WantedAccounts, *, limit: int, after: str
) -> tuple[Sequence[Account], str | None]:
    some: list[Account] = []
    next_after: str | None = after
    while next_after is not None and len(some) < limit:
        with instance.store.read() as connection:
            one = page(connection, wanted, limit=min(_PAGE, limit - len(some)), after=next_after)
        some += one.accounts
        next_after = one.next_after
    return some, next_after


def _row(account: Account, now: datetime) -> list[str | Text]:
    due = account.next_due_us if account.state is AccountState.ACTIVE else None
    return [
        account.id,
        account.source,
        account.user_id,
        account.external_id,
        state_text(account.state),
        ago(account.last_success_at, now),
        "-" if due is None else until(from_microseconds(due), now),
        ago(account.last_active_at, now),
        account.state_reason or "",
    ]


def _style(state: AccountState) -> str:
    match state:
        case AccountState.ACTIVE:
            return "green"
        case AccountState.PAUSED:
            return "yellow"
        case AccountState.ATTENTION:
            return "bold red"
        case AccountState.REMOVED:
            return "bright_black"
    unheard_of(state)
    return ""
