"""Lists as odd servers show them, read in memory by each kind of paging."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from support.answering import Answering
from syncline.model.ending import End
from syncline.model.page import Ask, Page
from syncline.upstreams.paging import Paging
from syncline.upstreams.rest import RestPages

__all__ = ["Answer", "Query", "by_cursor", "end", "ids", "read", "rows"]

Query = Mapping[str, str]
Answer = Callable[[Query], object]


def read(answer: Answer, paging: Paging, *, total: str | None = None, ahead: int = 8) -> tuple[list[Page], Answering]:
    server = Answering(answer)
    pages = RestPages(path="list", items="data", paging=paging, total=total, ahead=ahead)

    async def scenario() -> list[Page]:
        return [page async for page in pages(server, Ask())]

    return asyncio.run(scenario()), server


def ids(pages: list[Page]) -> list[int]:
    return [int(bytes(row).split(b":")[1].rstrip(b"}")) for page in pages for row in page.rows]


def end(pages: list[Page]) -> End:
    ending = pages[-1].ending
    assert ending is not None
    return ending.end


def rows(start: int, stop: int) -> list[dict[str, int]]:
    return [{"id": number} for number in range(start, stop)]


def by_cursor(answers: list[dict[str, Any]]) -> Answer:
    """The first answer without a cursor, the others by their number."""
    return lambda query: answers[int(query.get("cursor", 0))]
