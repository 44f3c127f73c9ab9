"""Lists as odd servers show them, read in memory by each kind of paging."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any

from support.answering import Answering
from syncline.model.ending import End
from syncline.model.page import Ask, Page
from syncline.upstreams.paging import Paging
from syncline.upstreams.rest import RestPages

__all__ = ["Answer", "Query", "by_cursor", "end", "ids", "read", "read_on", "rows"]

Query = Mapping[str, str]
Answer = Callable[[Query], object]


def read(answer: Answer, paging: Paging, *, total: str | None = None, ahead: int = 8) -> tuple[list[Page], Answering]:
    server = Answering(answer)
    pages = RestPages(path="list", items="data", paging=paging, total=total, ahead=ahead)

    async def scenario() -> list[Page]:
        return [page async for page in pages(server, Ask())]

    return asyncio.run(scenario()), server


def read_on(answer: Answer, pages: RestPages, *, cut_at: frozenset[int]) -> list[Page]:
    """The pages of a walk that ends behind each page whose number is in `cut_at`, and is resumed there."""

    async def scenario() -> list[Page]:
        server, got, resume, is_over = Answering(answer), list[Page](), None, False
        while not is_over:
            is_over = True
            async with aclosing(pages(server, Ask(resume=resume))) as walk:
                async for page in walk:
                    got.append(page)
                    resume = page.resume
                    if len(got) in cut_at and resume is not None:
                        is_over = False
                        break
        return got

    return asyncio.run(scenario())


def ids(pages: list[Page]) -> list[int]:
    return [int(bytes(row).split(b":")[1].split(b",")[0].rstrip(b"}")) for page in pages for row in page.rows]


def end(pages: list[Page]) -> End:
    ending = pages[-1].ending
    assert ending is not None
    return ending.end


def rows(start: int, stop: int) -> list[dict[str, int]]:
    return [{"id": number} for number in range(start, stop)]


def by_cursor(answers: list[dict[str, Any]]) -> Answer:
    """The first answer without a cursor, the others by their number."""
    return lambda query: answers[int(query.get("cursor", 0))]
