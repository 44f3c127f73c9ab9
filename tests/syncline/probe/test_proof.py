"""What a look says of a guess that it could not prove: it must not call it complete, and not declare what is wrong."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from aiohttp import web

from syncline.probe.guess import Guess
from syncline.probe.look import probe
from syncline.upstreams.client import UpstreamClient
from syncline.upstreams.paging import Link, OnePage, PageNumber

Connect = Callable[..., UpstreamClient]
Serve = Callable[..., AbstractAsyncContextManager[str]]
Answer = Callable[[web.Request], web.Response]
Row = dict[str, object]


def rows(count: int) -> list[Row]:
    return [{"id": n, "name": f"n{n}"} for n in range(count)]


def paged(items: list[Row], *, total: int | None, clamp: bool = False) -> Answer:
    """Pages of ten by number, with the `total` that it claims; with `clamp` the last page stands behind the end too."""

    def answer(request: web.Request) -> web.Response:
        page = int(request.query.get("page", "1"))
        page = min(page, -(-len(items) // 10)) if clamp else page
        told: dict[str, object] = {} if total is None else {"total": total}
        return web.json_response({"data": items[(page - 1) * 10 : page * 10], "page": page, **told})

    return answer


def look(answer: Answer, serve: Serve, connect: Connect) -> tuple[Guess, int]:
    async def handler(request: web.Request) -> web.StreamResponse:
        return answer(request)

    async def scenario() -> tuple[Guess, int]:
        async with serve(things=handler) as url, connect(url) as client:
            return await probe(client, "things"), client.requests

    return asyncio.run(scenario())


def doubted(guess: Guess, part: str) -> bool:
    assert not guess.is_whole
    return any(part in doubt for doubt in guess.doubts)


def test_a_long_list_is_not_called_complete(serve: Serve, connect: Connect) -> None:
    """What was not read may hold anything: also a second item with the same key."""
    guess, requests = look(paged(rows(500), total=None), serve, connect)
    assert isinstance(guess.paging, PageNumber)
    assert doubted(guess, "the end of the list was not reached: 80 items in 8 pages were read")
    assert doubted(guess, "that `id` tells all items apart was seen of 80 items only")
    assert requests <= 34


def test_the_end_of_a_long_list_is_asked_for_at_once_where_that_can_be_done(serve: Serve, connect: Connect) -> None:
    """A total makes the last page known: it is there, and nothing lies behind it."""
    guess, _ = look(paged(rows(495), total=495), serve, connect)
    assert guess.total == "total"
    assert "tried out with 8 pages, the last one, and what lies behind it" in guess.said
    assert [doubt for doubt in guess.doubts if "end" in doubt or "behind" in doubt] == []


def test_a_total_that_is_capped_is_found_out(serve: Serve, connect: Connect) -> None:
    """Search engines say 10,000 for whatever is more: a pass that stops there deletes what comes behind."""
    guess, _ = look(paged(rows(700), total=500), serve, connect)
    assert doubted(guess, "behind the 500 items that it says there are, 10 more came")


def test_a_total_that_is_never_reached_is_found_out(serve: Serve, connect: Connect) -> None:
    """A server that stops at 250 of its own 500."""
    guess, _ = look(paged(rows(250), total=500), serve, connect)
    assert doubted(guess, "the last 10 of 500 items should be at place 490, but 0 came")


def test_a_way_that_ends_before_the_total_is_given_up(serve: Serve, connect: Connect) -> None:
    """It reads a part, whatever the last page says; and so does the one answer, which says so."""
    guess, _ = look(paged(rows(45), total=60), serve, connect)
    assert guess.paging == OnePage()
    assert guess.total == "total"
    assert doubted(guess, "it says that there are 60 items, but 10 came")
    assert doubted(guess, "PageNumber was tried and given up: it ended after 45 of 60 items")


def test_a_total_that_is_too_small_is_not_declared(serve: Serve, connect: Connect) -> None:
    """It would stop every pass early."""
    guess, _ = look(paged(rows(45), total=30), serve, connect)
    assert (guess.total, guess.total_items) == (None, None)
    assert doubted(guess, "it says that there are 30 items, but 45 came: the total is not declared")


def test_the_last_page_again_behind_the_end_is_an_end(serve: Serve, connect: Connect) -> None:
    """Django's `get_page` does so; a pass understands it, where the page's number counts at all."""
    guess, _ = look(paged(rows(45), total=None, clamp=True), serve, connect)
    assert isinstance(guess.paging, PageNumber)
    assert guess.is_whole


def test_one_answer_without_a_total_is_not_called_everything(serve: Serve, connect: Connect) -> None:
    """An API whose paging was not recognised answers just so."""
    guess, _ = look(lambda _request: web.json_response(rows(30)), serve, connect)
    assert guess.paging == OnePage()
    assert doubted(guess, "nothing shows that the one answer, with 30 items, is everything")


def test_more_that_cannot_be_reached_is_said(serve: Serve, connect: Connect) -> None:
    """A cursor that only a POST takes: the first page alone is not the list."""
    body = {"data": rows(10), "next_cursor": "abc"}
    guess, _ = look(lambda _request: web.json_response(body), serve, connect)
    assert guess.paging == OnePage()
    assert doubted(guess, "the answer says that there is more, but no way to it was found")


def test_a_next_page_that_was_only_promised_is_said_to_be_untried(serve: Serve, connect: Connect) -> None:
    """A list of three items shows no second page."""
    body: Row = {"data": rows(3), "next": None}
    guess, _ = look(lambda _request: web.json_response(body), serve, connect)
    assert guess.paging == Link(next_at="next")
    assert doubted(guess, "how the next one is asked for could not be tried out")


@pytest.mark.parametrize("near", [3, 31], ids=["on the same page", "on another page"])
def test_a_key_that_two_items_have_is_none(serve: Serve, connect: Connect, near: int) -> None:
    """The second would overwrite the first in every pass."""
    items: list[Row] = [{"id": n, "sku": f"s{n}"} for n in range(45)]
    items[near] = {"id": 2, "sku": "another"}
    guess, _ = look(paged(items, total=45), serve, connect)
    assert guess.key == "sku"
    assert guess.column("id").doubled


def test_an_item_that_changes_while_it_is_looked_at_keeps_its_key(serve: Serve, connect: Connect) -> None:
    """A counter of views rises with each look: the same item in two answers is not two items."""
    looks = 0

    def answer(request: web.Request) -> web.Response:
        nonlocal looks
        looks += 1
        page = int(request.query.get("page", "1"))
        items = [{**row, "views": looks} for row in rows(45)]
        return web.json_response({"data": items[(page - 1) * 10 : page * 10], "page": page, "total": 45})

    guess, _ = look(answer, serve, connect)
    assert (guess.key, guess.seen) == ("id", 45)


@pytest.mark.parametrize("refused_from", [5, 14, 18])
def test_a_limit_met_while_a_guess_is_tried_out_does_not_speak_against_it(
    serve: Serve, connect: Connect, refused_from: int
) -> None:
    """What was seen to give a second page is still the best guess; that it was not proved is said."""
    asked = 0
    served = paged(rows(495), total=495)

    def answer(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return served(request) if asked < refused_from else web.json_response({}, status=429)

    guess, requests = look(answer, serve, connect)
    assert requests == refused_from
    assert isinstance(guess.paging, PageNumber)
    assert doubted(guess, "the end of the list was not reached")
    assert guess.key == "id"
