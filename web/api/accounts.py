"""Accounts: registered, listed, shown, changed, removed; a user sees only their own, an operator all."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from syncline.errors import FieldError
from syncline.jobs import account_controls, registration
from syncline.jobs.account_json import AccountDetailJson, AccountJson, account_json, detail_json
from syncline.model.account import AccountState
from syncline.model.policies import Priority
from syncline.model.source import Source, named
from syncline.store.account_pages import WantedAccounts, page
from web.api.account_access import Limit, Theirs, Word, limited, of_user, report_of
from web.api.cursors import PLAIN
from web.api.errors import documented
from web.api.guard import USER_TOKEN, Actor, Calling, UserRoute
from web.context import Context, Here
from web.redaction import redactor

__all__ = ["Text", "one", "router"]

router = APIRouter(
    prefix="/api/accounts",
    tags=["accounts"],
    route_class=UserRoute,
    dependencies=[USER_TOKEN],
    responses=documented(401, 503),
)

one = APIRouter(
    prefix="/api/accounts/{account_id}",
    tags=["accounts"],
    route_class=UserRoute,
    dependencies=[USER_TOKEN],
    responses=documented(401, 404, 422, 503),
)
"""The same for one account."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=PLAIN)]
Visible = Literal[AccountState.ACTIVE, AccountState.PAUSED, AccountState.ATTENTION]


class NewAccountBody(BaseModel):
    """The account that is wanted."""

    model_config = ConfigDict(extra="forbid")

    source: Text = Field(description="a source with accounts, such as portfolios")
    external_id: Text = Field(description="what the provider calls it, such as a wallet's address")
    settings: dict[str, Any] = Field(default_factory=dict, description="as of PATCH; those of one that is there stay")
    user_id: Text | None = Field(default=None, description="whose it is; only an operator may name another user")


class RegisteredJson(AccountJson):
    """An account whose sync is queued."""

    created: bool = Field(description="false: it was there already")
    job_id: int
    priority: Priority


class AccountList(BaseModel):
    """Accounts, the oldest first."""

    accounts: list[AccountJson]
    next_cursor: str | None = Field(description="asks for the page after this one; null on the last")


class ChangeBody(BaseModel):
    """Which settings to change."""

    model_config = ConfigDict(extra="forbid")

    settings: dict[str, Any] = Field(description="null takes a setting away; what is not named stays")
    version: int | None = Field(
        default=None, ge=1, description="the one that was seen: refused if it has another by now"
    )


class RemovedJson(BaseModel):
    """The account is gone."""

    success: Literal[True] = True
    id: str


@router.post(
    "",
    status_code=201,
    responses=documented(403, 409, 422, 429),
    dependencies=[limited("add", lambda settings: settings.calls_per_minute)],
)
def register(body: NewAccountBody, here: Here, caller: Calling) -> RegisteredJson:
    """Register an account, or find it, and queue its first sync before those of others."""
    user_id = of_user(caller, body.user_id) or caller.subject
    wanted = registration.wanted(
        _with_accounts(here, body.source),
        user_id=user_id,
        external_id=body.external_id,
        settings=body.settings,
        limits=here.settings.accounts,
    )
    done = registration.register(here.store, wanted, actor=caller.subject)
    told = account_json(done.account, redactor(here.settings)).model_dump()
    return RegisteredJson(**told, created=done.is_new, job_id=done.job_id, priority=Priority.HIGH)


@router.get("", responses=documented(403, 422))
def list_accounts(
    here: Here,
    caller: Calling,
    *,
    source: Word = None,
    state: Annotated[Visible | None, Query(description="only those in this state")] = None,
    user_id: Word = None,
    limit: Limit = 50,
    cursor: Annotated[
        str, Query(max_length=100, pattern=PLAIN, description="the `next_cursor` of the page before")
    ] = "",
) -> AccountList:
    """The caller's accounts; an operator's are all, or those of one user."""
    wanted = WantedAccounts(source=source, state=state, user_id=of_user(caller, user_id))
    with here.store.read() as connection:
        found = page(connection, wanted, limit=limit, after=cursor)
    mask = redactor(here.settings)
    return AccountList(
        accounts=[account_json(account, mask) for account in found.accounts], next_cursor=found.next_after
    )


@one.get("")
def show(account: Theirs, here: Here) -> AccountDetailJson:
    """An account with its holds and jobs."""
    report = report_of(account, here)
    return detail_json(report, redactor(here.settings))


@one.patch("", responses=documented(409))
def change(account: Theirs, body: ChangeBody, here: Here, actor: Actor) -> AccountJson:
    """Change an account's settings."""
    after = account_controls.change_settings(
        here.store,
        account.id,
        body.settings,
        kind=registration.kind_of(here.source(account.source)),
        limits=here.settings.accounts,
        actor=actor,
        version=body.version,
    )
    return account_json(after, redactor(here.settings))


@one.delete("")
def remove(account: Theirs, here: Here, actor: Actor) -> RemovedJson:
    """Remove an account: it is gone at once, and all that is stored of it is deleted from now on."""
    account_controls.remove(here.store, account.id, actor=actor)
    return RemovedJson(id=account.id)


def _with_accounts(here: Context, name: str) -> Source:
    """The source with this name, if users may add accounts to it.

    Raises:
        FieldError: there is none.
    """
    there = [one for one in here.sources if one.accounts is not None and one.accounts.can_be_added]
    found = named(there, name)
    if found is None:
        known = ", ".join(one.name for one in there) or "none"
        raise FieldError("source", f"no source to which accounts are added is named {name!r}; there are: {known}")
    return found
