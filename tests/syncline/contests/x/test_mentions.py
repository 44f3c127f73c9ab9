"""Mentions as pages, against the simulated X."""

import asyncio
import json
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

import sandbox
from syncline.contests.x import Mentions, first_id, instant_of
from syncline.errors import CursorExpiredError
from syncline.model.page import Ask, Json, Page
from syncline.model.policies import Mode
from syncline.model.upstream import Auth
from syncline.upstreams.client import UpstreamClient

Connect = Callable[..., UpstreamClient]
Clients = Callable[..., UpstreamClient]
Serve = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture
def x(box: sandbox.Box, connect: Connect) -> Clients:
    """Makes a client of the sandbox's X, whose budgets are never reached."""
    box.x.settings = box.x.settings.changed({"mentions_limit": 10_000})

    def connecting(**given: object) -> UpstreamClient:
        return connect(f"{box.url}/x", **{"auth": Auth.BEARER, "token": box.x_token, **given})

    return connecting


def pages_of(box: sandbox.Box, size: int = 50) -> Mentions:
    return Mentions(user_id=box.x.user_id, page_size=size)


async def read(pages: Mentions, client: UpstreamClient, ask: Ask | None = None) -> list[Page]:
    async with client:
        return [page async for page in pages(client, ask or Ask())]


def keys(pages: list[Page]) -> list[str]:
    return [msgspec.json.decode(row)["id"] for page in pages for row in page.rows]


def since(instant: datetime, resume: Json = None) -> Ask:
    return Ask(mode=Mode.INCREMENTAL, updated_since=instant, resume=resume)


def test_a_full_pass_has_all_that_x_still_shows(box: sandbox.Box, x: Clients) -> None:
    """Newest first, with the fields of an entry and X's own time."""
    pages = asyncio.run(read(pages_of(box), x()))
    assert keys(pages) == box.x.tweets.public_ids()
    assert [len(page.rows) for page in pages] == [50] * 5
    assert [page.resume is None for page in pages] == [False] * 4 + [True]
    assert msgspec.json.decode(pages[0].rows[0]).keys() >= {"id", "text", "author_id", "created_at"}
    answered_at = pages[0].answered_at
    assert answered_at is not None
    assert abs(answered_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert pages_of(box).incremental
    assert not pages_of(box).shifting


def test_an_incremental_pass_asks_for_what_is_newer_than_the_instant(box: sandbox.Box, x: Clients) -> None:
    """The instant's own millisecond is part of it, and nothing older."""
    known = box.x.tweets.public_ids()
    exact = replace(pages_of(box), look_back_seconds=0)
    pages = asyncio.run(read(exact, x(), since(instant_of(int(known[70])))))
    assert keys(pages) == known[:71]
    later = instant_of(int(known[70])) + timedelta(milliseconds=1)
    assert keys(asyncio.run(read(exact, x(), since(later)))) == known[:70]


def test_a_tweet_with_the_very_first_id_of_the_instant_is_part_of_it(box: sandbox.Box, x: Clients) -> None:
    """X answers with what is above since_id, not with since_id itself."""
    instant = instant_of(int(box.x.tweets.public_ids()[0]))
    asyncio.run(read(replace(pages_of(box), look_back_seconds=0), x(), since(instant)))
    asked = box.requests.entries()[-1].query
    assert f"since_id={first_id(instant) - 1}" in asked


def test_a_pass_looks_back_as_far_as_its_last_page_reaches(box: sandbox.Box, x: Clients) -> None:
    """X shows some mentions behind others that it showed before; a page of 50 costs what a page of 3 does."""
    known = box.x.tweets.public_ids()
    wide = replace(pages_of(box), look_back_seconds=30 * 86_400)
    for newest, expected in ((2, 50), (60, 100)):
        box.requests.clear()
        pages = asyncio.run(read(wide, x(), since(instant_of(int(known[newest])))))
        assert keys(pages) == known[:expected]
        assert box.requests.count() == -(-expected // 50)


def test_nothing_new_is_one_empty_page(box: sandbox.Box, x: Clients) -> None:
    """X leaves `data` out; a pass has to end all the same."""
    pages = asyncio.run(read(pages_of(box), x(), since(datetime.now(UTC) + timedelta(days=1))))
    assert [(list(page.rows), page.resume) for page in pages] == [([], None)]
    assert box.requests.count() == 1


def test_pages_that_x_has_emptied_are_passed(box: sandbox.Box, x: Clients) -> None:
    """What is hidden leaves gaps, up to whole pages; behind them it goes on."""
    for tweet_id in box.x.tweets.public_ids()[:120]:
        box.x.tweets.delete(tweet_id)
    pages = asyncio.run(read(pages_of(box), x()))
    assert [len(page.rows) for page in pages] == [0, 0, 30, 50, 50]
    assert keys(pages) == box.x.tweets.public_ids()
    resume = json.loads(json.dumps(pages[0].resume))
    assert keys(asyncio.run(read(pages_of(box), x(), Ask(resume=resume)))) == box.x.tweets.public_ids()


@pytest.mark.parametrize("in_flight", [1, 8])
def test_a_pass_goes_on_behind_the_last_page_that_was_stored(box: sandbox.Box, x: Clients, in_flight: int) -> None:
    """Whatever came or went in front of it meanwhile: nothing is lost behind it, and nothing comes twice."""
    before = box.x.tweets.public_ids()

    async def scenario() -> tuple[list[Page], list[Page]]:
        stored: list[Page] = []
        async with x(max_in_flight=in_flight) as client:
            async with aclosing(pages_of(box)(client, Ask())) as pages:
                stored += [await anext(pages), await anext(pages)]
            box.x.tweets.add(130)
            for tweet_id in before[:40]:
                box.x.tweets.delete(tweet_id)
            resume = json.loads(json.dumps(stored[-1].resume))
            return stored, await read(pages_of(box), client, Ask(resume=resume))

    stored, rest = asyncio.run(scenario())
    assert keys(stored) + keys(rest) == before


def test_mentions_that_come_while_a_pass_runs_are_left_to_the_next(box: sandbox.Box, x: Clients) -> None:
    """They shift nothing, and the next pass begins below them."""
    before = box.x.tweets.public_ids()
    box.faults.add("moving_rows", mode="insert_early", rows=7, count=None, path="/x/*")
    assert keys(asyncio.run(read(pages_of(box), x()))) == before
    box.faults.clear()
    exact = replace(pages_of(box), look_back_seconds=0)
    found = keys(asyncio.run(read(exact, x(), since(instant_of(int(before[0]))))))
    assert found == box.x.tweets.public_ids()[: 7 * 5 + 1]


@pytest.mark.parametrize("seed", range(5))
def test_passes_that_are_interrupted_anywhere_find_each_mention_once(box: sandbox.Box, x: Clients, seed: int) -> None:
    """A poller is killed and started again while people write: all that was written is found, once a pass."""
    dice = random.Random(seed)  # noqa: S311 - reproducible accidents, no secret

    async def one_pass(updated_since: datetime | None) -> list[str]:
        """A pass, in as many pieces as it takes."""
        found: list[str] = []
        resume: Json = None
        while True:
            ask = Ask(updated_since=updated_since, resume=resume)
            async with x() as client, aclosing(pages_of(box, 10)(client, ask)) as pages:
                async for page in pages:
                    found += keys([page])
                    resume = json.loads(json.dumps(page.resume))
                    box.x.tweets.add(dice.randrange(4))
                    if dice.randrange(4) == 0:
                        break
            if resume is None:
                return found

    async def scenario() -> set[str]:
        everything: set[str] = set()
        newest: datetime | None = None
        for _ in range(4):
            found = await one_pass(newest)
            assert len(found) == len(set(found))
            everything |= set(found)
            newest = max(instant_of(int(one)) for one in found)
        return everything | set(await one_pass(newest))

    found = asyncio.run(scenario())
    last = max(map(int, found))
    assert found >= {one for one in box.x.tweets.public_ids() if int(one) <= last}
    assert len(found) > 250


def test_closing_ends_the_request_under_way(box: sandbox.Box, x: Clients) -> None:
    """A run that is cancelled must not go on spending the budget."""
    box.faults.add("hang", skip=1, count=None)

    async def scenario() -> None:
        async with x() as client:
            pages = pages_of(box)(client, Ask())
            await anext(pages)
            await pages.aclose()
            assert not [task for task in asyncio.all_tasks() if "_fetch" in str(task.get_coro())]

    asyncio.run(scenario())


def test_a_bad_tweet_does_not_stop_the_others(box: sandbox.Box, x: Clients) -> None:
    """It is passed on as it came; it is rejected when it is stored, with its reason."""
    before = box.x.tweets.public_ids()
    box.faults.add("bad_rows", rows=3, count=None)
    pages = asyncio.run(read(pages_of(box), x()))
    assert sum(len(page.rows) for page in pages) == 250
    assert [key for key in keys(pages) if key is not None] == [one for n, one in enumerate(before) if n % 50]


@pytest.mark.parametrize("resume", [{"before": 5}, "x", [1]])
def test_a_checkpoint_of_something_else_asks_for_a_full_pass(box: sandbox.Box, x: Clients, resume: Json) -> None:
    """The declaration was changed while a pass was interrupted."""
    with pytest.raises(CursorExpiredError):
        asyncio.run(read(pages_of(box), x(), Ask(resume=resume)))
