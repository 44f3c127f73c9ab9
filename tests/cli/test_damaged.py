"""A damaged database, as a user meets it."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from syncline.store.engine import Store

Syncline = Callable[..., CompletedProcess[str]]


@pytest.mark.parametrize(
    "command", [["status"], ["history"], ["pause", "products", "--reason", "why"], ["db", "upgrade"], ["prune-history"]]
)
def test_a_damaged_file_is_named_in_one_line_with_the_way_out(
    syncline: Syncline, store: Store, command: list[str]
) -> None:
    """A traceback through three libraries tells nobody that a backup is wanted."""
    path = Path(str(store.url.database))
    store.close()
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xa5" * (len(content) - 100))
    done = syncline(*command)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert path.name in done.stderr
    assert "backup" in done.stderr
