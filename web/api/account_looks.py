"""What is seen of an account: its sessions, why it is synced or not, and what happens to it, as it happens."""

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from syncline.jobs.account_changes import AccountEvent
from syncline.jobs.account_json import AccountExplanationJson
from syncline.model.session import Status, SyncSession
from syncline.portfolios.portfolio import portfolio
from syncline.portfolios.portfolio_json import PortfolioJson, portfolio_json
from syncline.status.history import HistoryEntry, as_seed, history
from syncline.status.source_json import Mask
from web.account_events import AccountEvents, Listener, TooManyListenersError
from web.api.account_access import Limit, Theirs, report_of
from web.api.errors import documented
from web.api.guard import USER_TOKEN, Calling, UserRoute
from web.context import Here
from web.edge.text import is_plain
from web.redaction import redactor

__all__ = ["router"]

router = APIRouter(
    prefix="/api/accounts/{account_id}",
    tags=["accounts"],
    route_class=UserRoute,
    dependencies=[USER_TOKEN],
    responses=documented(401, 404, 422, 503),
)

_BEAT_SECONDS = 15.0
"""Proxies close a connection on which nothing comes."""
_LONGEST_SECONDS = 900.0
"""A stream ends after this long, so that a token which has expired does not listen for ever; clients open another."""
_RETRY_SECONDS = 5
_STREAMED: dict[str, Any] = {"content": {"text/event-stream": {}}, "description": "`began`, `progress`, `ended`"}


class AccountHistory(BaseModel):
    """Sessions of an account, the newest first."""

    history: list[HistoryEntry]
    next_cursor: str | None = Field(description="asks for the page after this one; null on the last")


@router.get("/history")
def read_history(
    account: Theirs,
    here: Here,
    *,
    status: Status | None = None,
    limit: Limit = 20,
    cursor: Annotated[str | None, Query(max_length=400, description="the `next_cursor` of the page before")] = None,
) -> AccountHistory:
    """The account's sessions on record; a planned sync that changed nothing leaves none."""
    after = None if cursor is None else _read(cursor)
    with here.store.read() as connection:
        found = history(connection, account.source, account_id=account.id, limit=limit + 1, status=status, after=after)
    mask = redactor(here.settings)
    entries = [_masked(as_seed(session), mask) for session in found[:limit]]
    return AccountHistory(history=entries, next_cursor=_written(found[limit - 1]) if len(found) > limit else None)


@router.get("/explain")
def explain(account: Theirs, here: Here) -> AccountExplanationJson:
    """Why the account is synced or not, and when next."""
    return AccountExplanationJson.of(report_of(account, here), redactor(here.settings))


@router.get("/portfolio")
def read_portfolio(account: Theirs, here: Here) -> PortfolioJson:
    """What a wallet holds and what that is worth, as of which block and when, and what of it is stale."""
    with here.store.read() as connection:
        return portfolio_json(portfolio(connection, account.id))


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={200: _STREAMED, **documented(429)},
)
async def events(account: Theirs, here: Here, caller: Calling) -> StreamingResponse:
    """What happens to the account, as Server-Sent Events, until it is removed or a quarter of an hour has passed.

    `began` and `ended` name the account; `ended` has the status, the session's id if it left one, and whether anything
    changed; `progress` has pages and items. Comments between them keep the connection open.
    """
    stream = _stream(here.events, account.id, caller.subject)
    try:
        first = await anext(stream)
    except TooManyListenersError:
        message = "as many event streams are open as there may be: close one, or try again later"
        raise HTTPException(429, message, headers={"Retry-After": str(_RETRY_SECONDS)}) from None
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_with_first(first, stream), media_type="text/event-stream", headers=headers)


async def _with_first(first: str, stream: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    try:
        yield first
        async for text in stream:
            yield text
    finally:
        await stream.aclose()


async def _stream(all_events: AccountEvents, account_id: str, user_id: str) -> AsyncGenerator[str, None]:
    """The stream's text; its first part says when to connect again."""
    with all_events.listening(account_id, user_id) as listener:
        yield f"retry: {_RETRY_SECONDS * 1000}\n\n"
        ends_at = asyncio.get_running_loop().time() + _LONGEST_SECONDS
        while asyncio.get_running_loop().time() < ends_at:
            text = await _next(listener)
            if text is None:
                return
            yield text


async def _next(listener: Listener) -> str | None:
    """The next event as text, or a comment where none comes; None: the account was removed."""
    try:
        event = await asyncio.wait_for(listener.waiting.get(), _BEAT_SECONDS)
    except TimeoutError:
        return ": nothing has happened\n\n"
    return None if event is None else _told(event)


def _told(event: AccountEvent) -> str:
    return f"event: {event.name.value}\ndata: {json.dumps(dict(event.data))}\n\n"


def _masked(entry: HistoryEntry, mask: Mask) -> HistoryEntry:
    texts = {"error_message": entry.error_message, "reason": entry.reason}
    return entry.model_copy(update={name: mask(text) for name, text in texts.items() if text is not None})


def _written(last: SyncSession) -> str:
    """The cursor after `last`."""
    text = f"{last.started_at.astimezone(UTC).isoformat()} {last.id}"
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[datetime, str]:
    """The place that a cursor names; raises 422 where it is none of ours."""
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        began, _, session_id = text.partition(" ")
        at = datetime.fromisoformat(began)
    except ValueError:
        raise _refused() from None
    if at.tzinfo is None or not session_id or not is_plain(session_id):
        raise _refused()
    return at, session_id


def _refused() -> HTTPException:
    return HTTPException(422, "cursor: send the next_cursor of the page before, or leave it out")
