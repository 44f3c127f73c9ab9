"""What docs/add-a-source.md shows of subscribing and following works as it stands there."""

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.records import open_session

from syncline.model.session import Status, SyncSession
from syncline.passes.closing import close
from syncline.store.engine import Store

DOCS = Path(__file__).parents[2] / "docs" / "add-a-source.md"


@pytest.fixture
def blocks() -> list[str]:
    """The Python of the section."""
    section = DOCS.read_text().partition("## Callbacks for results\n")[2].partition("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


def told(block: str) -> dict[str, Any]:
    """The names that the block defines."""
    names: dict[str, Any] = {}
    exec(compile(block, str(DOCS), "exec"), names)  # noqa: S102 - our own page
    return names


def test_a_failed_session_is_warned_of(
    sqlite_store: Store, blocks: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A reader copies the example, breaks the upstream and looks for the line."""
    unsubscribe: Callable[[], None] = told(blocks[0])["unsubscribe"]
    for name, status in (("s1", Status.FAILED), ("s2", Status.COMPLETED)):
        close(sqlite_store, open_session(sqlite_store, name), status, reason="no answer")
    unsubscribe()
    close(sqlite_store, open_session(sqlite_store, "s3"), Status.FAILED)
    assert [record.getMessage() for record in caplog.records] == ["products: no answer"]
    assert caplog.records[0].levelno == logging.WARNING


def test_what_ended_is_forwarded_once(sqlite_store: Store, blocks: list[str], tmp_path: Path) -> None:
    """Called every minute by cron, it sends each session, and none twice."""
    forward: Callable[..., None] = told(blocks[1])["forward"]
    sent: list[str] = []

    def send(session: SyncSession) -> None:
        sent.append(session.id)

    for name in ("s1", "s2"):
        close(sqlite_store, open_session(sqlite_store, name), Status.COMPLETED)
        forward(sqlite_store, send, tmp_path / "place")
        forward(sqlite_store, send, tmp_path / "place")
    assert sent == ["s1", "s2"]
