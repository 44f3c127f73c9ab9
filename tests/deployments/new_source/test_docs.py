"""docs/add-a-source.md shows what is written, and code that works."""

import asyncio
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from deployments.new_source.draft import draft
from deployments.new_source.module_text import module_text
from deployments.new_source.names import choose
from syncline.model.page import Ask
from syncline.model.source import Source
from syncline.model.upstream import Auth, Upstream
from syncline.passes.codec import Rejected, codec_of
from syncline.upstreams.guess import ColumnGuess, Guess
from syncline.upstreams.paging import PageNumber

DOCS = Path(__file__).parents[3] / "docs" / "add-a-source.md"


@pytest.fixture
def blocks() -> list[str]:
    """The Python in the page."""
    return re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)


def _block(blocks: list[str], text: str) -> str:
    """The one block that has `text` in it."""
    (found,) = (block for block in blocks if text in block)
    return found


def test_the_file_is_the_one_that_is_written(blocks: list[str]) -> None:
    """A reader compares the two."""
    guess = Guess(
        path="/v2/widgets",
        items="data",
        columns=(
            ColumnGuess(name="id", type="int"),
            ColumnGuess(name="title", type="str"),
            ColumnGuess(name="price", type="Decimal", places=2),
            ColumnGuess(name="class_", alias="class", type="str"),
            ColumnGuess(name="tags", type="Any"),
            ColumnGuess(name="updated_at", type="datetime"),
        ),
        key="id",
        paging=PageNumber(),
        total="meta.total",
        updated_field="updated_at",
        updated_since="updated_since",
        seen=200,
        total_items=4540,
    )
    upstream = Upstream(name="widgets", auth=Auth.BEARER)
    written = draft(choose("widgets", None), upstream, guess, key=None, place="api.example.org/v2/widgets")
    assert blocks[0] == module_text(written)


@dataclass
class Files:
    """A transport that answers from memory."""

    files: dict[str, bytes]
    content: bytes = b""

    async def get(self, path: str) -> "Files":
        return Files(self.files, self.files[path])


def test_the_connector_of_ones_own_walks_and_resumes(blocks: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is copied as it stands."""
    module = ModuleType("monthly_files")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # where its dataclass looks its names up
    exec(_block(blocks, "class MonthlyFiles"), vars(module))  # noqa: S102 - the page's own code
    pages: Any = module.MonthlyFiles(first="/1")
    files = Files({"/1": b'{"next": "/2", "entries": [{"id": 1}]}', "/2": b'{"next": null, "entries": [{"id": 2}]}'})

    async def walk(ask: Ask) -> list[tuple[list[bytes], object]]:
        return [(list(page.rows), page.resume) async for page in pages(files, ask)]

    assert asyncio.run(walk(Ask())) == [([b'{"id":1}'], "/2"), ([b'{"id":2}'], None)]
    assert asyncio.run(walk(Ask(resume="/2"))) == [([b'{"id":2}'], None)]


def test_another_feed_for_the_listings_reads_what_it_names(blocks: list[str]) -> None:
    """A site that gains a feed copies it, and changes the names."""
    made: dict[str, Any] = {}
    exec(_block(blocks, "BOUNTIES = "), made)  # noqa: S102 - the page's own code
    source: Source = made["BOUNTIES"]
    codec = codec_of(source.required_dataset.table, source.required_dataset.fields)
    raw = b'{"id":7,"headline":"Audit","owner":{"name":"acme","size":3},"prize":{"text":"1 ETH"}}'
    assert codec.keys([raw])[0] == [("7", raw)]
    found = codec.decode("7", raw)
    assert not isinstance(found, Rejected), found.reason
    values = dict(zip(codec.columns, found[0], strict=True))
    assert (values["title"], values["project"], values["reward"]) == ("Audit", "acme", "1 ETH")
    assert values["attributes"] == {"owner": {"size": 3}}
